"""Sparse changes of a weight matrix: learnt with a penalty on their number, pruned, and kept as a list."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pelt_core.modules.weights import WeightChange
from pelt_core.ranges import Fraction, NonNegative
from pelt_core.sites import Site

# The hard-concrete distribution is stretched to these limits before it is cut off at 0 and 1.
_LOW, _HIGH = -1.5, 1.5


class Sparse(WeightChange):
    """`dW` is zero but for a fixed few of its entries, `fraction` of all; `values = 0` at the start.

    `values` and `index`, the places in the flattened matrix, are `(entries,)`. Which ones they are is drawn at
    random, unless diff pruning has chosen them.
    """

    def __init__(self, site: Site, fraction: Fraction = 0.005) -> None:
        super().__init__()
        self.shape = (site.d_out, site.d_in)
        size = math.prod(self.shape)
        entries = max(1, round(fraction * size))
        self.values = nn.Parameter(torch.zeros(entries))
        self.index: Tensor
        self.register_buffer("index", torch.randperm(size)[:entries].sort().values.int())

    def weight(self) -> Tensor:
        """`dW`."""
        flat = self.values.new_zeros(math.prod(self.shape))
        return flat.scatter(0, self.index.long(), self.values).view(self.shape)


class DiffPruning(WeightChange):
    """`dW = z * w` with `w = 0` and `a = 5` at the start (Guo et al. 2021, section 3.1).

    `z = clamp(3 sigma(a + log u - log(1 - u)) - 1.5, 0, 1)`, the hard-concrete distribution, with a new
    `u ~ U(0, 1)` in every training step; in evaluation `u = 1/2`. All are `(d_out, d_in)`. The expected number of
    entries that are not zero is penalised in training, `l0 * sum sigma(a - log(1.5 / 1.5))`: `pelt_core.train.fit` adds
    it to the loss; in a loop or a `Trainer` of your own take `pelt_core.total_loss`, or add `pelt_core.penalty(model)`.

    Folding keeps the largest `fraction` of the entries of each matrix by `|z * w|` (the paper ranks those of all
    matrices together), and gives the method `sparse`, which can be trained on with its entries fixed.
    """

    folds_to = "sparse"

    def __init__(self, site: Site, fraction: Fraction = 0.005, l0: NonNegative = 1.25e-7) -> None:
        super().__init__()
        self.site, self.fraction, self.l0 = site, fraction, l0
        self.w = nn.Parameter(torch.zeros(site.d_out, site.d_in))
        self.a = nn.Parameter(torch.full((site.d_out, site.d_in), 5.0))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """`(z * w) x`."""
        if not self.training:
            return super().forward(x, y)
        noise = torch.rand_like(self.a).clamp(1e-4, 1 - 1e-4).logit()
        return F.linear(x, (_hard_concrete(self.a + noise) * self.w).to(x.dtype))

    def weight(self) -> Tensor:
        """`dW` in evaluation."""
        return _hard_concrete(self.a) * self.w

    def penalty(self) -> Tensor:
        """`l0` times the expected number of entries that are not zero."""
        return self.l0 * torch.sigmoid(self.a - math.log(-_LOW / _HIGH)).sum()

    @torch.no_grad()
    def fold(self) -> Sparse:
        """The largest entries alone."""
        sparse, change = Sparse(self.site, self.fraction).to(self.w.device), self.weight().flatten()
        sparse.index.copy_(change.abs().topk(len(sparse.index)).indices.sort().values)
        sparse.values.copy_(change[sparse.index.long()])
        return sparse


def _hard_concrete(logits: Tensor) -> Tensor:
    return (torch.sigmoid(logits) * (_HIGH - _LOW) + _LOW).clamp(0, 1)
