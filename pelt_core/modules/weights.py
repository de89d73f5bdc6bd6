"""Changes of a weight matrix: linear in the input, so that they can be merged."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pelt_core.sites import Site


class LoRA(nn.Module):
    """`delta = (alpha / r) B A dropout(x)`, `A` Kaiming-uniform and `B = 0` at the start (Hu et al. 2022, eq. 3).

    `x` is `(batch, tokens, d_in)`, `A` is `(rank, d_in)`, `B` is `(d_out, rank)`.
    """

    def __init__(self, site: Site, rank: int = 8, alpha: float = 16.0, dropout: float = 0.0) -> None:
        super().__init__()
        self.scale, self.dropout = alpha / rank, dropout
        self.A = nn.Parameter(torch.empty(rank, site.d_in))
        self.B = nn.Parameter(torch.zeros(site.d_out, rank))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """`dW dropout(x)`."""
        x = F.dropout(x, self.dropout, self.training)
        return self.scale * F.linear(F.linear(x, self.A.to(x.dtype)), self.B.to(x.dtype))

    def weight(self) -> Tensor:
        """`dW = (alpha / r) B A` of `(d_out, d_in)`."""
        return self.scale * self.B @ self.A
