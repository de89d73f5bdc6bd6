"""Adapters whose projections are sums of Kronecker products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pelt_core.errors import PeltError
from pelt_core.modules.bottleneck import ACTIVATIONS, Activation
from pelt_core.sites import Site


class HypercomplexError(PeltError, ValueError):
    """A width that cannot be cut into the blocks of a Kronecker product."""


class Hypercomplex(nn.Module):
    """`W h + b` with `W = sum_i A_i (x) (s_i t_i)`, for `n` matrices `A_i` of `(n, n)` that are given.

    `s` is `(n, d_out / n, rank)` and `t` is `(n, rank, d_in / n)`, both Glorot-uniform; `b` is 0. `W` is not formed: of
    `h` as `n` blocks, `t_i` reads each, `A_i` mixes them, `s_i` writes the blocks of the result.
    """

    def __init__(self, d_in: int, d_out: int, n: int, rank: int) -> None:
        super().__init__()
        self.s = nn.Parameter(torch.empty(n, d_out // n, rank))
        self.t = nn.Parameter(torch.empty(n, rank, d_in // n))
        self.b = nn.Parameter(torch.zeros(d_out))
        for factor in (*self.s, *self.t):
            nn.init.xavier_uniform_(factor)

    def forward(self, h: Tensor, A: Tensor) -> Tensor:
        """`(..., d_in)` -> `(..., d_out)`, in the type of `h`."""
        s, t, b, A = (p.to(h) for p in (self.s, self.t, self.b, A))
        read = torch.einsum("...jq,irq->...jir", h.unflatten(-1, (len(A), -1)), t)
        mixed = torch.einsum("ikj,...jir->...kir", A, read)
        return torch.einsum("ipr,...kir->...kp", s, mixed).flatten(-2) + b


class Compacter(nn.Module):
    """`delta = U phi(D y + b) + c`, `D` and `U` sums of Kronecker products (Karimi Mahabadi et al. 2021).

    `D = sum_i A_i (x) (s_i t_i)` is `(d / reduction, d)`, rounded up to a multiple of `n` rows; `U` likewise, with
    factors of its own. All sites share the `n` matrices `A_i`, which start from N(0, 0.01^2): a new adapter does next
    to nothing.

    Raises:
        HypercomplexError: if `n` does not divide the width `d`.

    """

    reads = "y"

    class Common(nn.Module):
        """What all sites share: `A`, `(n, n, n)`."""

        def __init__(self, sites: Sequence[Site], n: int, **rest: Any) -> None:
            super().__init__()
            self.A = nn.Parameter(0.01 * torch.randn(n, n, n))

    def __init__(
        self,
        site: Site,
        common: Compacter.Common,
        reduction: int = 32,
        n: int = 4,
        rank: int = 1,
        activation: Activation = "gelu",
    ) -> None:
        super().__init__()
        d = site.d_out
        if d % n:
            raise HypercomplexError(
                f"compacter cuts the width into n={n} blocks, and {n} does not divide {d}: choose n so that it does, "
                f"for instance n={next(i for i in (4, 3, 2, 1) if d % i == 0)}"
            )
        bottleneck = n * math.ceil(d / (reduction * n))
        self.A, self.phi = common.A, ACTIVATIONS[activation]
        self.down, self.up = Hypercomplex(d, bottleneck, n, rank), Hypercomplex(bottleneck, d, n, rank)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """`U phi(D y + b) + c`."""
        result: Tensor = self.up(self.phi(self.down(y, self.A)), self.A)
        return result
