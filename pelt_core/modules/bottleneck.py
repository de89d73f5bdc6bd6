"""Bottleneck adapters: down-projection, non-linearity, up-projection."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pelt_core.grafts import NormInputGraft
from pelt_core.ranges import Positive
from pelt_core.sites import AnatomyError, Site

Activation = Literal["relu", "gelu", "tanh"]
Start = Literal["zero", "normal"]
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "gelu": F.gelu, "tanh": torch.tanh}


class Projection(nn.Linear):
    """`W h + b`, in the type of `h`."""

    def forward(self, h: Tensor) -> Tensor:
        """`(..., d_in)` -> `(..., d_out)`."""
        return F.linear(h, self.weight.to(h.dtype), None if self.bias is None else self.bias.to(h.dtype))

    def gated(self, g: Tensor, h: Tensor) -> Tensor:
        """`g (W h + b) = [W, b] [g h, g]`: the gate acts where it has few numbers a token to act on."""
        weight, h = self.weight, g * h
        if self.bias is not None:
            weight = torch.cat([weight, self.bias.unsqueeze(1)], 1)
            h = torch.cat([h, g.to(h.dtype).expand(*h.shape[:-1], 1)], -1)
        return F.linear(h, weight.to(h.dtype))


class Bottleneck(nn.Module):
    """`delta = B(h)`, `B(h) = s (U phi(D h + b) + c)`, where `h` is the `x` or the `y` that the class attribute names.

    `h` is `(batch, tokens, d_h)`, `D` is `(bottleneck, d_h)`, `U` is `(d_out, bottleneck)`.

    `start="zero"` draws `D` Kaiming-uniform and sets `U = c = 0`: a new adapter does nothing (He et al. 2022).
    `start="normal"` draws `D` and `U` from N(0, 0.02^2) with `b = c = 0`, as the code of UniPELT and LLM-Adapters
    does: a new adapter does a little.
    """

    reads: Literal["x", "y"]

    def __init__(
        self,
        site: Site,
        bottleneck: int = 64,
        activation: Activation = "relu",
        bias: bool = True,
        start: Start = "zero",
        scale: Positive = 1.0,
    ) -> None:
        super().__init__()
        self.scale, self.phi = scale, ACTIVATIONS[activation]
        width = site.d_out if self.reads == "y" else site.d_in
        down, up = Projection(width, bottleneck, bias), Projection(bottleneck, site.d_out, bias)
        if start == "normal":
            nn.init.normal_(down.weight, std=0.02)
            nn.init.normal_(up.weight, std=0.02)
        else:
            nn.init.zeros_(up.weight)
        if bias:
            for linear in (down, up) if start == "normal" else (up,):
                nn.init.zeros_(linear.bias)
        self.down: nn.Module = down
        self.up: nn.Module = up

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """`B(h)`."""
        return self._scaled(self.up(self._narrow(x, y)))

    def gated(self, g: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """`g B(h)`."""
        return self._scaled(cast(Any, self.up).gated(g, self._narrow(x, y)))

    def _narrow(self, x: Tensor, y: Tensor) -> Tensor:
        return self.phi(self.down(y if self.reads == "y" else x))

    def _scaled(self, change: Tensor) -> Tensor:
        return change if self.scale == 1 else self.scale * change


class Series(Bottleneck):
    """`delta = B(y)`: the adapter reads what the sublayer wrote (Houlsby et al. 2019; LLM-Adapters, equation 2)."""

    reads = "y"


class Parallel(Bottleneck):
    """`delta = B(x)`: the adapter reads what the sublayer read (He et al. 2022; LLM-Adapters, equation 3).

    At `mlp` with `scale=4` it is the scaled parallel adapter of He et al.
    """

    reads = "x"


class Pfeiffer(Bottleneck):
    """`LN(y + B(LN(y)))` in the place of `LN(y)`, where `y = f + r` is a sublayer's output and the residual.

    The adapter of Pfeiffer et al. (2021) as UniPELT has it: it reads the layer-normed sum and writes onto the sum.
    It reads `LN(y)` without what other modules add at this normalisation.

    Raises:
        AnatomyError: on a family that normalises before its sublayers.

    """

    reads = "x"
    graft = NormInputGraft

    def __init__(
        self,
        site: Site,
        bottleneck: int = 48,
        activation: Activation = "relu",
        bias: bool = True,
        start: Start = "normal",
        scale: Positive = 1.0,
    ) -> None:
        if not site.stack.post_norm:
            raise AnatomyError(
                "Pfeiffer's adapter reads LN(f + r), a sublayer's output and the residual normalised together, which "
                "only post-norm families (bert, roberta) compute: use series@mlp here, which reads f, and the recipe "
                "unipelt_causal for the whole of UniPELT"
            )
        super().__init__(site, bottleneck, activation, bias, start, scale)


class MultiHeadParallel(nn.Module):
    """`delta_i = s U_i relu(D_i x)` for every attention head `i` (He et al. 2022, multi-head parallel adapter).

    `x` is `(batch, tokens, hidden)`, what attention reads; the delta is added to the heads' outputs, `(batch, tokens,
    heads * head_dim)`. `D_i` is `(bottleneck, hidden)`, Kaiming-uniform; `U_i` is `(head_dim, bottleneck)`, 0 at the
    start.
    """

    def __init__(self, site: Site, bottleneck: int = 30, scale: Positive = 1.0) -> None:
        super().__init__()
        self.scale = scale
        self.D = nn.Parameter(torch.empty(site.heads, bottleneck, site.d_in))
        self.U = nn.Parameter(torch.zeros(site.heads, site.head_dim, bottleneck))
        for D in self.D:
            nn.init.kaiming_uniform_(D, a=math.sqrt(5))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The deltas of all heads, one after the other."""
        z = F.linear(x, self.D.flatten(0, 1).to(x.dtype)).relu().unflatten(-1, self.D.shape[:2])
        return torch.einsum("bthr,hor->btho", z, (self.scale * self.U).to(x.dtype)).flatten(-2)
