"""What the layer at work was given, for gates that have to know more than the hidden states they read."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from pelt_core.sites import Layer


class Context(nn.Module):
    """The attention mask and the key-value cache of one layer, kept from its attention to its end.

    They are taken where attention receives them, so that a layer which is computed anew under gradient checkpointing
    sees its own batch again, and before a prefix widens them.

    Attributes:
        hidden: what attention reads, `(batch, tokens, hidden)`.
        cache: the key-value cache that the layer writes to, or `None`.

    """

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.layer = layer
        self.hidden: Tensor | None = None
        self.cache: Any = None
        self._mask: Tensor | None = None

    def wire(self, base: nn.Module) -> list[RemovableHandle]:
        """Hooks this context into its layer of `base`; the handles take it out again."""
        block = base.get_submodule(self.layer.path)
        attention = block.get_submodule(self.layer.stack.attention)
        return [
            attention.register_forward_pre_hook(self._begin, with_kwargs=True, prepend=True),
            block.register_forward_hook(self._end, always_call=True),
        ]

    def real(self, tokens: int) -> Tensor | None:
        """Which of the first `tokens` keys are no padding, `(batch, tokens)`; `None` where all are real."""
        if self._mask is None:
            return None
        last = self._mask if self._mask.dim() == 2 else self._mask[:, 0, -1]
        seen = last if last.dtype is torch.bool else last > 0 if self._mask.dim() == 2 else last >= 0
        return seen[:, :tokens]

    def _begin(self, attention: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.hidden = kwargs["hidden_states"] if "hidden_states" in kwargs else args[0]
        self._mask, self.cache = kwargs.get(self.layer.stack.mask), kwargs.get(self.layer.stack.cache)

    def _end(self, block: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        self.hidden = self._mask = self.cache = None
