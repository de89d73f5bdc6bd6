"""A mixture of adapters that costs as much as one."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pelt_core.modules.bottleneck import Activation, Series, Start
from pelt_core.ranges import Positive
from pelt_core.sites import Site


class Experts(nn.Module):
    """`W_i h + b_i` with `i` uniform in `1..M`, drawn anew for every batch in training; `mean_i (W_i h + b_i)` else.

    `W` is `(experts, d_out, d_in)` and `b` is `(experts, d_out)`; they start as copies of `linear`.
    """

    def __init__(self, linear: Any, experts: int) -> None:
        super().__init__()
        bias = linear.bias
        self.weight = nn.Parameter(linear.weight.detach().repeat(experts, 1, 1))
        self.bias = None if bias is None else nn.Parameter(bias.detach().repeat(experts, 1))

    def forward(self, h: Tensor) -> Tensor:
        """`(..., d_in)` -> `(..., d_out)`, in the type of `h`."""
        drawn: Any = slice(None)
        if self.training:
            drawn = torch.randint(len(self.weight), (1,), device=self.weight.device)
        weight = self.weight[drawn].mean(0).to(h.dtype)
        return F.linear(h, weight, None if self.bias is None else self.bias[drawn].mean(0).to(h.dtype))

    def gated(self, g: Tensor, h: Tensor) -> Tensor:
        """`g` times that."""
        return g * self(h)


class AdaMix(Series):
    """`delta = s (U_j phi(D_i y + b_i) + c_j)`, `i` and `j` at random in training, the mean weights afterwards.

    Wang et al. (2022). The two are drawn for every site and batch by themselves; as `routes` tells it, training adds
    the divergence between two such draws, so that the experts agree and can be averaged: `pelt_core.train.fit` does,
    and in a loop or a `Trainer` of your own take `pelt_core.total_loss` for the loss. `pelt_core.fold` keeps the mean,
    a plain series adapter.
    """

    routes = True
    folds_to = "series"

    def __init__(
        self,
        site: Site,
        experts: int = 4,
        bottleneck: int = 64,
        activation: Activation = "relu",
        bias: bool = True,
        start: Start = "zero",
        scale: Positive = 1.0,
    ) -> None:
        super().__init__(site, bottleneck, activation, bias, start, scale)
        self.down, self.up = Experts(self.down, experts), Experts(self.up, experts)
        self._plain = partial(Series, site, bottleneck, activation, bias, start, scale)

    def fold(self) -> Series:
        """The series adapter of the mean weights."""
        plain = self._plain()
        with torch.no_grad():
            for mean, experts in zip(plain.parameters(), self.parameters(), strict=True):
                mean.copy_(experts.mean(0))
        return plain
