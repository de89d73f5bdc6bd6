"""A Kronecker product as the change of a weight matrix."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from pelt_core.modules.weights import WeightChange
from pelt_core.ranges import Positive
from pelt_core.sites import Site


class KronA(WeightChange):
    """`dW = s (A (x) B)`, `A` Kaiming-uniform and `B = 0` at the start (Edalati et al. 2022).

    `A` is `(a_1, a_2)` and `B` is `(d_out / a_1, d_in / a_2)`, where `a_1` and `a_2` are the largest divisors of
    `d_out` and `d_in` that are not above `factor`. The product is not formed: with `X` the input as a matrix of
    `(a_2, d_in / a_2)`, `(A (x) B) x` are the rows of `A X B^T`.
    """

    def __init__(self, site: Site, factor: int = 32, scale: Positive = 1.0) -> None:
        super().__init__()
        self.scale = scale
        a_1, a_2 = (_divisor(d, factor) for d in (site.d_out, site.d_in))
        self.A = nn.Parameter(torch.empty(a_1, a_2))
        self.B = nn.Parameter(torch.zeros(site.d_out // a_1, site.d_in // a_2))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """`s (A (x) B) x`."""
        A, B = (self.scale * self.A).to(x.dtype), self.B.to(x.dtype)
        X = x.unflatten(-1, (A.shape[1], B.shape[1]))
        return (A @ (X @ B.T)).flatten(-2)

    def weight(self) -> Tensor:
        """`dW`."""
        return self.scale * torch.kron(self.A, self.B)


def _divisor(d: int, most: int) -> int:
    return max(n for n in range(1, most + 1) if d % n == 0)
