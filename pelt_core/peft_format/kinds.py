"""What it takes to say a method in the terms of PEFT."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

from torch import Tensor
from transformers import PreTrainedModel

from pelt_core.attachment import Attachment
from pelt_core.errors import PeltError

IN_MODEL, AROUND_MODEL = "base_model.model.", "base_model."
Config: TypeAlias = dict[str, Any]
Tensors: TypeAlias = dict[str, Tensor]
Fill: TypeAlias = Callable[[Any], None]


class PeftFormatError(PeltError, ValueError):
    """A method that one of the two libraries does not have, or a folder that is not PEFT's."""


class Format(NamedTuple):
    """How one of PEFT's methods is written and read.

    Attributes:
        peft_type: PEFT's name of it.
        write: what a model carries -> the settings and the tensors.
        read: settings and tensors -> the specification, and what fills in each of its grafts; takes the tensors that
            it understands out of the dictionary.
        where: what PEFT puts in front of the names of the model's own tensors.

    """

    peft_type: str
    write: Callable[[PreTrainedModel, Attachment], tuple[Config, Tensors]]
    read: Callable[[PreTrainedModel, Config, Tensors], tuple[str, Fill]]
    where: str = IN_MODEL


def fitting(tensor: Tensor, shape: Iterable[int], name: str) -> Tensor:
    """`tensor`, called `name` in the folder, if it has the shape that the model needs.

    Raises:
        PeftFormatError: if it has not.

    """
    if tensor.shape != (needed := tuple(shape)):
        raise PeftFormatError(
            f"{name} is {tuple(tensor.shape)} in the folder and {needed} on this model: load it over the backbone that "
            "it was trained on"
        )
    return tensor
