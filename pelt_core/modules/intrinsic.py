"""All changes of all weight matrices from one short vector, by a random projection that is never formed."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pelt_core.drawing import drawn_from
from pelt_core.modules.weights import WeightChange
from pelt_core.sites import Site


class Fastfood(nn.Module):
    """The vector `theta = 0` of `(dimension,)` that all sites share, and what they share of its random projection.

    The projection of Le et al. (2013) is a stack of blocks `H G Pi H B` of `(n, n)`, `n` the power of two not below
    `dimension`: `H` is the Walsh-Hadamard matrix of +1 and -1, `B` are random signs, `Pi` is a random permutation, and
    `G` of standard normal numbers is drawn anew for each block. Only the diagonals of `B` and `G` are kept; products
    with `H` take `n log n` steps.
    """

    def __init__(self, sites: Sequence[Site], dimension: int, seed: int) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.zeros(dimension))
        n = 1 << (dimension - 1).bit_length()
        self.signs: Tensor
        self.permutation: Tensor
        with drawn_from(seed):
            self.register_buffer("signs", 2.0 * torch.randint(2, (n,)) - 1, persistent=False)
            self.register_buffer("permutation", torch.randperm(n), persistent=False)

    def forward(self) -> Tensor:
        """`Pi H B theta`, `(n,)`, `theta` filled up with zeros."""
        theta = F.pad(self.theta, (0, len(self.signs) - len(self.theta)))
        return hadamard(self.signs * theta)[self.permutation]


class Said(WeightChange):
    """`dW = lambda P theta`, `lambda = 1` at the start, one for each matrix (Aghajanyan et al. 2021).

    `P` of `(d_out d_in, dimension)` is the random projection of `Fastfood`, scaled to columns of a length near one;
    `theta` of `(dimension,)` is the same for all sites. `seed` decides `P`, which is not saved. Its diagonals `G` have
    as many numbers as the matrix, filled up to whole blocks: they take the memory of a second one in fp32.
    """

    Common = Fastfood

    def __init__(self, site: Site, common: Fastfood, dimension: int = 1024, seed: int = 1) -> None:
        super().__init__()
        self.common, self.shape = common, (site.d_out, site.d_in)
        self.scale = nn.Parameter(torch.ones(1))
        n = len(common.signs)
        self.G: Tensor
        with drawn_from(zlib.crc32(f"{seed} {site}".encode())):
            self.register_buffer("G", torch.randn(-(-math.prod(self.shape) // n), n), persistent=False)

    def weight(self) -> Tensor:
        """`dW`."""
        blocks = hadamard(self.G * self.common().to(self.G.device))
        size = math.prod(self.shape)
        return self.scale / math.sqrt(size * blocks.shape[1]) * blocks.flatten()[:size].view(self.shape)


def hadamard(x: Tensor) -> Tensor:
    """`H x` along the last axis, whose size is a power of two, by `H_2n = [[H_n, H_n], [H_n, -H_n]]`."""
    half = 1
    while half < x.shape[-1]:
        a, b = x.unflatten(-1, (-1, 2, half)).unbind(-2)
        x = torch.stack((a + b, a - b), -2).flatten(-3)
        half *= 2
    return x
