"""Gates: how much of a delta is let through, `y' = y + g(h) * delta(x, y)` with `g` in (0, 1).

A gate reads `h` of `(batch, tokens, width)`, what its delta reads, and gives `(batch, tokens, 1)`, or one number for
all tokens of a row, `(batch, 1, 1)`.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pelt_core.context import Context


class Gate(nn.Module):
    """A gate.

    Attributes:
        causal: whether the gate of a token depends on no later token.
        per_token: whether every token of a row has a gate of its own.
        joint: whether the gates of one layer's methods are weighed against each other, and so are one module.

    """

    causal = True
    per_token = False
    joint = False

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context


class LinearGate(Gate):
    """`s_t = sigmoid(w h_t + b)` with `w ~ N(0, 0.02^2)` and `b = 0`, so that a gate starts near one half."""

    def __init__(self, width: int, context: Context) -> None:
        super().__init__(context)
        self.w = nn.Parameter(0.02 * torch.randn(1, width))
        self.b = nn.Parameter(torch.zeros(1))

    def each(self, h: Tensor) -> Tensor:
        """`s` of every token, `(batch, tokens, 1)`."""
        return torch.sigmoid(F.linear(h, self.w.to(h.dtype), self.b.to(h.dtype)))


class TokenGate(LinearGate):
    """`g_t = s_t`: every token has its own, the same with and without a cache."""

    per_token = True

    def forward(self, h: Tensor) -> Tensor:
        """`g`, `(batch, tokens, 1)`."""
        return self.each(h)


class SequenceGate(LinearGate):
    """`g = mean_t s_t` over the tokens of a row, one number for all of them (UniPELT, section 3.2).

    `padding="ignored"` means over the real tokens. The released code means over the padding too, which makes a row's
    gate depend on the batch that it is in: `padding="counted"`.
    """

    causal = False

    def __init__(self, width: int, context: Context, padding: Literal["ignored", "counted"] = "ignored") -> None:
        super().__init__(width, context)
        self.padding = padding

    def forward(self, h: Tensor) -> Tensor:
        """`g`, `(batch, 1, 1)`."""
        s = self.each(h)
        real = self.context.real(h.shape[1]) if self.padding == "ignored" else None
        if real is None:
            return s.mean(1, keepdim=True)
        weight = real.unsqueeze(-1).to(s.dtype)
        return (weight * s).sum(1, keepdim=True) / weight.sum(1, keepdim=True).clamp(min=1)


class ScalarGate(Gate):
    """`g = sigmoid(a)`: one number, whatever is read; `a = 0` at the start."""

    def __init__(self, width: int, context: Context) -> None:
        super().__init__(context)
        self.a = nn.Parameter(torch.zeros(1))  # not of zero dimensions, which FSDP cannot shard

    def forward(self, h: Tensor) -> Tensor:
        """`g`, `(1, 1, 1)`."""
        return torch.sigmoid(self.a).to(h.dtype).view(1, 1, 1)
