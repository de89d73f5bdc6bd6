"""Virtual tokens in front of the keys and values of every attention."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pelt_core.prefixes import KeyValueGraft
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
        return _for_each_row(self.P, x)


class PrefixMLP(nn.Module):
    """`[P_K; P_V] of layer i = U_i tanh(D E + b) + c_i`: a prefix that an MLP writes while it is trained.

    All layers share `E` of `(virtual tokens, hidden)` and `D` of `(mid, hidden)`; `U` is `(layers, 2, key-value heads *
    head_dim, mid)`. They start as torch starts an embedding and linear maps. Li and Liang (2021, section 4.3) found
    that training is steadier for it; afterwards `pelt_core.fold` keeps what the MLP wrote, a plain `Prefix`, and drops
    the MLP. Of BERT-base's 9,857,024 parameters in training, with 10 tokens and mid = 512, 184,320 are left.
    """

    graft = KeyValueGraft
    folds_to = "prefix"

    class Common(nn.Module):
        """What the layers share: `E`, `D`, `U` and their biases."""

        def __init__(self, sites: Sequence[Site], tokens: int, mid: int) -> None:
            super().__init__()
            hidden, width = sites[0].d_in, sites[0].heads * sites[0].head_dim
            self.layers = [site.layer for site in sites]
            self.E = nn.Embedding(tokens, hidden)
            self.D, self.U = nn.Linear(hidden, mid), nn.Linear(mid, len(sites) * 2 * width)

        def prefix(self, layer: int | None) -> Tensor:
            """`U_i tanh(D E + b) + c_i`, `(virtual tokens, 2 * key-value heads * head_dim)`."""
            i, layers = self.layers.index(layer), len(self.layers)
            weight, bias = self.U.weight.chunk(layers)[i], self.U.bias.chunk(layers)[i]
            return F.linear(torch.tanh(self.D(self.E.weight)), weight, bias)

    def __init__(self, site: Site, common: PrefixMLP.Common, tokens: int = 10, mid: int = 512) -> None:
        super().__init__()
        self.site, self.common = site, common

    @property
    def P(self) -> Tensor:  # noqa: N802 - as in the plain prefix
        """`P_K` and `P_V` of this layer, `(2, key-value heads, virtual tokens, head_dim)`."""
        written = self.common.prefix(self.site.layer)
        return written.unflatten(-1, (2, self.site.heads, self.site.head_dim)).permute(1, 2, 0, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`P_K` and `P_V`, for each row of the batch."""
        return _for_each_row(self.P, x)

    def fold(self) -> Prefix:
        """The plain prefix that the MLP writes."""
        plain = Prefix(self.site, tokens=self.common.E.num_embeddings)
        plain.P = nn.Parameter(self.P.detach().clone(memory_format=torch.contiguous_format))
        return plain


def _for_each_row(P: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    key, value = P.to(x.device).unsqueeze(1).expand(-1, x.shape[0], -1, -1, -1)
    return key, value
