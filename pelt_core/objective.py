"""What training minimises: the loss of the answer, and what some methods add to it.

With `CE_t` the cross entropy of an answer token (see `pelt_core.loss`)::

    L = mean_t [CE_t + C_t] + sum of delta.penalty() over all deltas

`penalty()`, in nats, is that of a delta which has one: diff pruning's expected number of entries. `C_t` is there if
some delta has `routes = True`, which is to say that it draws at random in every forward pass which of its experts
works: the consistency of two draws (AdaMix, Wang et al. 2022). A method that has neither is trained on `CE_t` alone,
bit for bit.
"""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from pelt_core.attachment import Attachments
from pelt_core.loss import answer_logits, answer_tokens, bare, token_losses


def training_losses(model: nn.Module, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Tensor:
    """For each answer token the loss whose mean over a batch is `L`, row by row, shape (answer tokens,).

    Args:
        model: a causal language model, perhaps wrapped for data parallelism.
        input_ids: shape (batch, tokens), padded on the right.
        attention_mask: 1 on tokens, 0 on padding, shape (batch, tokens).
        labels: the token ids of the answer, -100 elsewhere, shape (batch, tokens).

    """
    deltas = _acting_deltas(bare(model))
    routed = any(getattr(delta, "routes", False) for delta in deltas)
    losses = (consistent_losses if routed else token_losses)(model, input_ids, attention_mask, labels)
    for delta in deltas:
        if hasattr(delta, "penalty"):
            losses = losses + delta.penalty()
    return losses


def consistent_losses(model: nn.Module, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Tensor:
    """`CE_t + C_t` of two forward passes `p` and `q`, which draw different experts; `CE_t` is that of `p`."""
    p, q = (answer_logits(model, input_ids, attention_mask, labels) for _ in range(2))
    return F.cross_entropy(p, answer_tokens(labels), reduction="none") + divergence(p, q)


def divergence(p: Tensor, q: Tensor) -> Tensor:
    """`C = (KL(p || q) + KL(q || p)) / 2 = sum (p - q) (log p - log q) / 2` of two rows of logits, in nats."""
    log_p, log_q = p.log_softmax(-1), q.log_softmax(-1)
    return ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(-1) / 2


def _acting_deltas(model: nn.Module) -> list[Any]:
    carried = getattr(model, "pelt", None)
    if not isinstance(carried, Attachments):
        return []
    return [graft.delta for name in carried.acting for graft in carried.each()[name].all_grafts()]
