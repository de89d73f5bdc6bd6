"""Bottleneck adapters: down-projection, non-linearity, up-projection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pelt_core.sites import Site

Activation = Literal["relu", "gelu", "tanh"]
_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "gelu": F.gelu, "tanh": torch.tanh}


class Bottleneck(nn.Module):
    """`B(h) = s * (U phi(D h + b) + c)`, with `U = 0` and `c = 0` at the start: a new adapter does nothing.

    `h` is `(batch, tokens, d_in)`, the result `(batch, tokens, d_out)`; `D` is `(bottleneck, d_in)`.
    """

    def __init__(self, d_in: int, d_out: int, bottleneck: int, activation: Activation, scale: float) -> None:
        super().__init__()
        self.scale, self.phi = scale, _ACTIVATIONS[activation]
        self.down, self.up = nn.Linear(d_in, bottleneck), nn.Linear(bottleneck, d_out)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def adapt(self, h: Tensor) -> Tensor:
        """`B(h)`, in the type of `h`."""
        z = self.phi(F.linear(h, self.down.weight.to(h.dtype), self.down.bias.to(h.dtype)))
        return self.scale * F.linear(z, self.up.weight.to(h.dtype), self.up.bias.to(h.dtype))


class Series(Bottleneck):
    """`delta = B(y)`: the adapter reads what the sublayer wrote (Houlsby et al. 2019; LLM-Adapters, equation 2)."""

    def __init__(self, site: Site, bottleneck: int = 64, activation: Activation = "relu", scale: float = 1.0) -> None:
        super().__init__(site.d_out, site.d_out, bottleneck, activation, scale)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """`B(y)`."""
        return self.adapt(y)


class Parallel(Bottleneck):
    """`delta = B(x)`: the adapter reads what the sublayer read (He et al. 2022; LLM-Adapters, equation 3)."""

    def __init__(self, site: Site, bottleneck: int = 64, activation: Activation = "relu", scale: float = 1.0) -> None:
        super().__init__(site.d_in, site.d_out, bottleneck, activation, scale)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """`B(x)`."""
        return self.adapt(x)
