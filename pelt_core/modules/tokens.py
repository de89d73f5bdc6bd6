"""Virtual tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pelt_core.grafts import KeyValueGraft
from pelt_core.sites import Site


class Prefix(nn.Module):
    """`K <- [P_K; K]`, `V <- [P_V; V]` in every attention head (Li and Liang 2021; UniPELT, section 2.2.2).

    `P_K` and `P_V` are `(key-value heads, virtual tokens, head_dim)`, drawn from N(0, 0.02^2). Given `x` of
    `(batch, tokens, hidden)` the module returns both as `(batch, key-value heads, virtual tokens, head_dim)`.
    """

    graft = KeyValueGraft

    def __init__(self, site: Site, tokens: int = 10) -> None:
        super().__init__()
        self.P = nn.Parameter(0.02 * torch.randn(2, site.heads, tokens, site.head_dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`P_K` and `P_V`, for each row of the batch."""
        key, value = self.P.unsqueeze(1).expand(-1, x.shape[0], -1, -1, -1)
        return key, value
