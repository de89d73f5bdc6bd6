"""Where the prompt ends and the answer begins, for gates that the prompt alone decides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

_NO_LABEL = -100  # what cross entropy ignores


def prompt_lengths(labels: Tensor) -> Tensor:
    """The columns before the first label of each row, `(batch,)`: a row without a label is prompt to its end.

    Args:
        labels: token ids or -100, shape `(batch, tokens)`.

    """
    labelled = labels != _NO_LABEL
    return torch.where(labelled.any(1), labelled.int().argmax(1), labels.shape[1])


class PromptEnd(nn.Module):
    """Where the prompt ends in the batch at work: told by `prompt_ends`, or by the labels of a language model.

    It is told until the next batch, as gradient checkpointing computes the layers anew in the backward pass: with it,
    go back through one batch before going forward through another.

    Attributes:
        end: the columns before the answer, padding on the left among them: one number, or one a row, `(batch,)`;
            `None` if nobody said.
        tokens: how many the model was given, virtual ones in front of them not counted; `None` for an encoder-decoder.

    """

    def __init__(self, answers_apart: bool) -> None:
        super().__init__()
        self.end: int | Tensor | None = None
        self.said: int | Tensor | None = None
        self.tokens: int | None = None
        self._answers_apart = answers_apart
        self._labels_tokens = False
        self._opened_by: type[nn.Module] | None = None  # of the pass at work, the model or its base

    def wire(self, model: nn.Module, base: nn.Module) -> list[RemovableHandle]:
        """Hooks this into the model, which is given the labels, and its base, which may be called without it."""
        self._labels_tokens = cast(Any, model).get_output_embeddings() is not None
        handles = []
        for module in dict.fromkeys((model, base)):
            handles.append(module.register_forward_pre_hook(self._begin, with_kwargs=True))
            handles.append(module.register_forward_hook(self._leave, always_call=True))
        return handles

    def _begin(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        # A pass that was interrupted from the keyboard has not been left: its opener begins another.
        if self._opened_by not in (None, type(module)):
            return
        self.end, self._opened_by, labels = self.said, type(module), kwargs.get("labels")
        if self.end is None and labels is not None and self._labels_tokens:
            # An encoder-decoder's decoder reads a start token, and its labels are not one column behind.
            self.end = prompt_lengths(labels) + int(self._answers_apart)
        ids = kwargs.get("input_ids", args[0] if args else None)
        text = kwargs.get("inputs_embeds") if ids is None else ids
        self.tokens = None if text is None or self._answers_apart else text.shape[1]

    def _leave(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        self._opened_by = None


@contextmanager
def prompt_ends(model: nn.Module, end: int | Tensor) -> Iterator[None]:
    """Says where the prompts end, for the gate `prompt`, in all that `model` computes inside the `with`.

    It is needed where neither labels nor a key-value cache tell: a model given a prompt and an answer at once without
    labels, `generate` without a cache, a prompt that is fed in pieces, or `generate` with an assistant or a lookup in
    the prompt, whose first pass has guessed tokens behind the prompt.

    Args:
        model: a model that a method may be attached to, wrapped or not.
        end: the columns before the answer, padding on the left among them: one number, or one a row, `(batch,)`. For
            `generate` give one number, as beams and finished rows change the batch.

    """
    prompts = [module for module in model.modules() if isinstance(module, PromptEnd)]
    for prompt in prompts:
        prompt.said = end
    try:
        yield
    finally:
        for prompt in prompts:
            prompt.said = None
