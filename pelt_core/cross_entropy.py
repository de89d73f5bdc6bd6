"""The cross entropy of a frozen linear head, computed and differentiated without ever holding all of its logits."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from pelt_core.autocast import without_autocast

_LOGITS = 2**24  # held at once: 64 MiB, few enough to be written and read again quickly


def linear_cross_entropy(h: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
    """`L_t = -log softmax(W h_t + b)[y_t]` in fp32, with the gradient for `h` alone.

    The gradient `(softmax(W h_t + b) - onehot(y_t)) W` is computed along with the loss, part by part, so no logit is
    kept or computed twice.

    Args:
        h: hidden states, `(tokens, hidden)`.
        weight: `W`, `(vocabulary, hidden)`, frozen.
        bias: `b`, `(vocabulary,)`, frozen; or `None`.
        targets: `y`, `(tokens,)`.

    Returns:
        `(tokens,)`, in nats.

    """
    with without_autocast(h.device):
        losses: Tensor = _LinearCrossEntropy.apply(h, weight.detach(), None if bias is None else bias.detach(), targets)
    return losses


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, h: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
        weight, bias = weight.float(), None if bias is None else bias.float()
        size = max(1, _LOGITS // len(weight))
        parts = [
            _part(some, weight, bias, y, ctx.needs_input_grad[0])
            for some, y in zip(h.float().split(size), targets.split(size), strict=True)
        ]
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(torch.cat([gradient for _, gradient in parts]).to(h.dtype))
        return torch.cat([losses for losses, _ in parts])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (saved,) = ctx.saved_tensors
        return (gradients[0].unsqueeze(1) * saved).to(saved.dtype), None, None, None


def _part(h: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, backward: bool) -> tuple[Tensor, Tensor]:
    """The losses of some tokens, `(tokens,)`, and their gradients, `(tokens, hidden)`, if there is a way back."""
    logits = F.linear(h, weight, bias)
    largest = logits.amax(1, keepdim=True)
    target = logits.gather(1, targets.unsqueeze(1)) - largest
    shares = logits.sub_(largest).exp_()
    total = shares.sum(1, keepdim=True)
    losses = (total.log() - target).squeeze(1)
    if not backward:
        return losses, h[:0]
    return losses, (shares @ weight).div_(total) - weight[targets]
