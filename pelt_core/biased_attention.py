"""Attention whose scores have a bias that is trained, with a gradient of its own."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from pelt_core.autocast import without_autocast


def biased_attention(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor, seen: Tensor | None = None, scaling: float | None = None
) -> Tensor:
    """`softmax(s Q K^T + [B, 0] + M) V` of one row, computed in fp32.

    torch's `scaled_dot_product_attention` leaves its fast kernels when a mask carries a gradient. This takes two thirds
    of the time of what it does instead, and keeps the attention weights as that does.

    Args:
        query: `(1, heads, queries, head_dim)`.
        key: `(1, key-value heads, keys, head_dim)`.
        value: as `key`.
        bias: `B`, of the first `m` keys, `(1, 1, queries, m)`.
        seen: `M`, 0 where a query sees a key and -inf where not, `(queries, keys)`; `None` if it sees all.
        scaling: `s`; `1 / sqrt(head_dim)` unless given.

    Returns:
        `(1, heads, queries, head_dim)`, in the type of `query`.

    """
    scaling = query.shape[3] ** -0.5 if scaling is None else scaling
    with without_autocast(query.device):
        heads: Tensor = _BiasedAttention.apply(query[0], key[0], value[0], bias[0, 0], seen, scaling)
    return heads.unsqueeze(0)


class _BiasedAttention(torch.autograd.Function):
    """Query heads that share a key-value head stand one behind another, `(key-value heads, group * queries, ...)`."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, bias: Tensor, seen: Tensor | None, scaling: float
    ) -> Tensor:
        q = (query.float() * scaling).reshape(len(key), -1, query.shape[2])
        k, v = key.float(), value.float()
        scores = torch.bmm(q, k.mT)
        by_head = scores.view(*query.shape[:2], -1)
        by_head[..., : bias.shape[1]] += bias
        if seen is not None:
            by_head += seen
        weights = torch.softmax(scores, -1)
        ctx.save_for_backward(q, k, v, weights)
        ctx.shape, ctx.scaling, ctx.biased = query.shape, scaling, bias.shape[1]
        ctx.dtypes = query.dtype, key.dtype, value.dtype, bias.dtype
        return torch.bmm(weights, v).view(query.shape).to(query.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, weights = ctx.saved_tensors
        with without_autocast(q.device):
            gradient = gradients[0].float().reshape(q.shape)
            of_weights = torch.bmm(gradient, v.mT)
            # dS = P * (dP - sum_k P dP)
            of_scores = torch._softmax_backward_data(of_weights, weights, -1, weights.dtype)
            of_bias = of_scores.view(*ctx.shape[:2], -1)[..., : ctx.biased].sum(0)
            of_query = torch.bmm(of_scores, k).mul_(ctx.scaling).view(ctx.shape)
            found = of_query, torch.bmm(of_scores.mT, q), torch.bmm(weights.mT, gradient), of_bias
            return *(part.to(dtype) for part, dtype in zip(found, ctx.dtypes, strict=True)), None, None
