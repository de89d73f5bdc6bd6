"""Start values that a specification cannot say: a prompt's text, and the space that prompts of other tasks span."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from pelt_core.attachment import attached
from pelt_core.errors import PeltError
from pelt_core.grafts import Graft
from pelt_core.modules.prompt import IntrinsicPrompt, Prompt

Delta = TypeVar("Delta", bound=nn.Module)


class StartError(PeltError, ValueError):
    """A method that has no such start, or values that do not fit it."""


def start_from(model: PreTrainedModel, token_ids: Sequence[int] | Tensor, name: str | None = None) -> None:
    """Lets a prompt start from a text: `P = E(token_ids)`, repeated or cut to as many virtual tokens as there are.

    Args:
        model: carries the method `prompt`.
        token_ids: of the text, `(tokens,)`, without the special tokens that frame it.
        name: of the method, if the model carries several.

    Raises:
        AttachError: if the model carries nothing, nothing of this name, or several and no name is given.
        StartError: if the method has no prompt, or there is no token.

    Example:
        >>> start_from(model, tokenizer("Classify:", add_special_tokens=False).input_ids)  # doctest: +SKIP

    """
    graft, prompt = _only(model, name, Prompt, "prompt")
    ids = torch.as_tensor(token_ids).flatten()
    if not len(ids):
        raise StartError("there is no token to start from: give the ids of a text of one token at least")
    embedding = model.base_model.get_submodule(graft.site.write.path)
    prompt.start_from(embedding, ids[torch.arange(prompt.tokens) % len(ids)])


@torch.no_grad()
def use_decoder(model: PreTrainedModel, decoder: Mapping[str, Tensor], name: str | None = None) -> None:
    """Gives an intrinsic prompt the decoder that was fitted to the prompts of other tasks.

    Args:
        model: carries the method `intrinsic_prompt`.
        decoder: `W1`, `b1`, `W2` and `b2`, see `pelt_core.fit_decoder`.
        name: of the method, if the model carries several.

    Raises:
        AttachError: if the model carries nothing, nothing of this name, or several and no name is given.
        StartError: if the method has no intrinsic prompt, or the decoder is one of other dimensions.

    """
    _, prompt = _only(model, name, IntrinsicPrompt, "intrinsic_prompt")
    own, given = (
        {name: tuple(value.shape) for name, value in tensors.items()} for tensors in (prompt.decoder, decoder)
    )
    if own != given:
        raise StartError(f"the decoder has {given}, and the prompt needs {own}: fit one to prompts of as many tokens, "
                         "of the same backbone, with the same dimension")  # fmt: skip
    for tensor, value in decoder.items():
        prompt.decoder[tensor].copy_(value)


def _only(model: PreTrainedModel, name: str | None, kind: type[Delta], method: str) -> tuple[Graft, Delta]:
    """The one graft whose delta is of this kind, and that delta."""
    attachment = attached(model, name)
    for graft in attachment.all_grafts():
        if isinstance(graft.delta, kind):
            return graft, graft.delta
    raise StartError(f"{str(attachment.method)!r} has no {method!r}: attach(model, {method!r}) first")
