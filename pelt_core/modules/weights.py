"""Changes of a weight matrix: linear in the input, so that they can be merged."""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pelt_core.grafts import HostGraft
from pelt_core.ranges import Fraction, Positive
from pelt_core.sites import Site, bias_at, weight_at


class WeightChange(nn.Module):
    """`delta = dW x`, `x` of `(batch, tokens, d_in)`, for a subclass that says what `dW` of `(d_out, d_in)` is."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """`dW x`."""
        return F.linear(x, self.weight().to(x.dtype))

    def weight(self) -> Tensor:
        """`dW`."""
        raise NotImplementedError

    def weight_change(self, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, None]:
        """What merging adds to the weight of `(d_out, d_in)` and to the bias: `dW`, and nothing."""
        return self.weight(), None


class LoRA(WeightChange):
    """`dW = s B A`, `A` Kaiming-uniform and `B = 0` at the start; dropout on `x` (Hu et al. 2022, equation 3).

    `A` is `(rank, d_in)`, `B` is `(d_out, rank)`; `s` is `alpha / rank`, or with `scaling="sqrt-rank"`
    `alpha / sqrt(rank)`, under which a large rank learns as fast as a small one (rsLoRA, Kalajdzievski 2023).
    """

    def __init__(
        self,
        site: Site,
        rank: int = 8,
        alpha: Positive = 16.0,
        dropout: Fraction = 0.0,
        scaling: Literal["rank", "sqrt-rank"] = "rank",
    ) -> None:
        super().__init__()
        self.scale, self.dropout = alpha / (rank if scaling == "rank" else math.sqrt(rank)), dropout
        self.A = nn.Parameter(torch.empty(rank, site.d_in))
        self.B = nn.Parameter(torch.zeros(site.d_out, rank))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """`dW dropout(x)`, without forming `dW`."""
        return F.linear(self.narrow(self.dropped(x)), self.B.to(x.dtype))

    def gated(self, g: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """`g dW dropout(x)`."""
        return F.linear(g * self.narrow(self.dropped(x)), self.B.to(x.dtype))

    def dropped(self, x: Tensor) -> Tensor:
        """`dropout(x)`."""
        return F.dropout(x, self.dropout) if self.training and self.dropout else x

    def narrow(self, x: Tensor) -> Tensor:
        """`s A x`, `(batch, tokens, rank)`: scales and gates act here, where a token has few numbers."""
        return self.scale * F.linear(x, self.A.to(x.dtype))

    def weight(self) -> Tensor:
        """`dW = s B A`."""
        return self.scale * self.B @ self.A


class DoRA(LoRA):
    """`W + dW = m (W + s B A) / |W + s B A|`: a weight in polar coordinates (Liu et al. 2024, equation 5).

    `|.|` is the length of each row of the `(d_out, d_in)` matrix, `m` of `(d_out,)` starts as that of `W`, `A`, `B`
    and `s` are LoRA's. The length is a constant to the gradient (section 4.3). As in the released code, dropout acts
    on all that the module reads, so `W dropout(x)` has to be computed; without dropout it is `y - b`, which costs
    nothing and includes what other methods before this one have added to `y`.
    """

    graft = HostGraft

    def __init__(
        self,
        site: Site,
        rank: int = 8,
        alpha: Positive = 16.0,
        dropout: Fraction = 0.0,
        scaling: Literal["rank", "sqrt-rank"] = "rank",
    ) -> None:
        super().__init__(site, rank, alpha, dropout, scaling)
        self.site = site
        self.m = nn.Parameter(torch.ones(site.d_out))

    @torch.no_grad()
    def start(self, host: nn.Module) -> None:
        """Takes `m` from the weight of `host`."""
        weight = self._weight_of(host)
        self.to(weight.device).m.copy_(self._direction(weight)[1])

    def forward(self, x: Tensor, y: Tensor, host: nn.Module) -> Tensor:  # type: ignore[override]
        """`(c - 1) W x + c s B A x` with `c = m / |W + s B A|`."""
        weight, bias = self._weight_of(host), bias_at(host, self.site)
        with torch.no_grad():
            _, length = self._direction(weight)
        c = self.m / length  # in fp32: what is near one is rounded to one in bf16
        if self.training and self.dropout:
            x = self.dropped(x)
            frozen = F.linear(x, weight)
        else:
            frozen = y if bias is None else y - bias.flatten()
        return (c - 1).to(x.dtype) * frozen + F.linear(self.narrow(x), (c.unsqueeze(1) * self.B).to(x.dtype))

    def weight_change(self, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, None]:
        """`dW = c (W + s B A) - W`."""
        changed, length = self._direction(weight)
        return (self.m / length).unsqueeze(1) * changed - weight, None

    def _weight_of(self, host: nn.Module) -> Tensor:
        return weight_at(host, self.site).flatten(1).T

    def _direction(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """`W + s B A` in fp32, and the length of each of its rows; a row of zeros has a length just above none."""
        changed = torch.addmm(weight.float(), self.B.float(), self.A.float(), alpha=self.scale)
        return changed, torch.linalg.vector_norm(changed, dim=1).clamp(min=torch.finfo(torch.float32).tiny)
