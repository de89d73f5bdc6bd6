"""One trained vector a site: added, multiplied, or the parameters of a normalisation."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pelt_core.grafts import HostGraft
from pelt_core.sites import Site


class Bias(nn.Module):
    """`delta = b`, with `b = 0` at the start (BitFit: Ben Zaken et al. 2022).

    `b` is `(d_out,)`. Where the model has a bias this trains it; where it has none, as in LLaMA, this adds one.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.b = nn.Parameter(torch.zeros(site.d_out))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """`b`, for every token."""
        return self.b.to(y.dtype).expand_as(y)

    def weight_change(self, weight: Tensor, bias: Tensor | None) -> tuple[None, Tensor]:
        """`db = b`."""
        return None, self.b


class IA3(nn.Module):
    """`delta = l * y`, with `l = 0` at the start: `y' = (1 + l) * y` (IA3: Liu et al. 2022, section 3.3).

    `l` is `(d_out,)`. At `inner` it scales the MLP's neurons, which `down` reads.
    """

    reads = "y"

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.l = nn.Parameter(torch.zeros(site.d_out))
        self.scales_input = site.write.side == "in"

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """`l * y`."""
        return self.l.to(y.dtype) * y

    def weight_change(self, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """`dW = diag(l) W` and `db = l * bias`, or `dW = W diag(l)` where the input is scaled."""
        if self.scales_input:
            return weight * self.l, None
        return self.l.unsqueeze(1) * weight, None if bias is None else self.l * bias


class NormTuning(nn.Module):
    """`delta = w * N(x) + b` beside `y = W * N(x) + B`, with `w = b = 0` at the start (Zhao et al. 2024).

    `N` takes away the mean and divides by the standard deviation, or only divides by the root mean square; `w` and `b`
    are `(d,)`, and a root-mean-square normalisation has no `b`. `N` is computed in fp32.
    """

    graft = HostGraft

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(site.d_out))
        self.b = None if site.stack.rms else nn.Parameter(torch.zeros(site.d_out))

    def forward(self, x: Tensor, y: Tensor, host: Any) -> Tensor:
        """`w * N(x) + b`, for the normalisation `host`, which knows its epsilon."""
        eps = host.eps if hasattr(host, "eps") else host.variance_epsilon
        if self.b is None:
            return F.rms_norm(x.float(), self.w.shape, self.w.float(), eps).to(y.dtype)
        return F.layer_norm(x.float(), self.w.shape, self.w.float(), self.b.float(), eps).to(y.dtype)

    def weight_change(self, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """`dW = w`, `db = b`."""
        return self.w, self.b
