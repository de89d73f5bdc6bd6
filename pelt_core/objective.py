"""What training minimises: the loss of the task, and what some methods add to it.

With `CE_t` the loss of one row of logits, an answer token's or a text's class::

    L = mean_t [CE_t + C_t] + sum of delta.penalty() over all deltas

`penalty()`, in nats, is that of a delta which has one: diff pruning's expected number of entries. `C_t` is there if
some delta has `routes = True`, which is to say that it draws at random in every forward pass which of its experts
works: the consistency of two draws (AdaMix, Wang et al. 2022). A method that has neither is trained on `CE_t` alone,
bit for bit. `fit` minimises `L`; `total_loss` gives it to any other training loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pelt_core.attachment import Attachments
from pelt_core.label_loss import label_losses
from pelt_core.loss import answer_logits, answer_tokens, bare, token_losses


def total_loss(model: nn.Module, forward: Callable[[], tuple[Tensor, Tensor]]) -> Tensor:
    """`L` for any model and task, in the shape of the losses that `forward` gives; in eval mode those losses alone.

    Args:
        model: carries methods or none, perhaps compiled, or wrapped for data parallelism.
        forward: runs the model on one batch, and gives its losses and the logits that they are of, `(rows, classes)`:
            one loss a row, `(rows,)`, or their mean, `()`. It is called twice if a method draws at random. Of a
            language model give the logits that predict a label alone: `C` is the mean over all that are given.

    Raises:
        LossError: if there is no transformers model inside.

    Example:
        A stock `Trainer` of a classifier, in which `Trainer` asks for the outputs when it evaluates:

        >>> class Tuner(Trainer):  # doctest: +SKIP
        ...     loss_is_scaled_for_ga = False
        ...
        ...     def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
        ...         if return_outputs:
        ...             return super().compute_loss(model, inputs, return_outputs, **kwargs)
        ...         return total_loss(model, lambda: model(**inputs)[:2])

    """
    losses, logits = forward()
    if not model.training:
        return losses
    if _draws(model):
        consistency = divergence(logits, forward()[1])
        losses = losses + (consistency if losses.dim() else consistency.mean())
    return losses + penalty(model)


def penalty(model: nn.Module) -> Tensor:
    """The sum of `delta.penalty()` over all deltas that act on `model`, in nats, `()`; 0 without any."""
    terms = [delta.penalty() for delta in _acting_deltas(model) if hasattr(delta, "penalty")]
    return torch.stack(terms).sum() if terms else torch.zeros((), device=next(model.parameters()).device)


def training_losses(model: nn.Module, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Tensor:
    """For each answer token the loss whose mean over a batch is `L`, row by row, shape (answer tokens,).

    Args:
        model: a causal language model, perhaps wrapped for data parallelism.
        input_ids: shape (batch, tokens), padded on the right.
        attention_mask: 1 on tokens, 0 on padding, shape (batch, tokens).
        labels: the token ids of the answer, -100 elsewhere, shape (batch, tokens).

    """
    if not _draws(model):  # no logits are needed, which saves keeping them
        losses = token_losses(model, input_ids, attention_mask, labels)
        return losses + penalty(model) if model.training else losses

    def forward() -> tuple[Tensor, Tensor]:
        logits = answer_logits(model, input_ids, attention_mask, labels)
        targets = answer_tokens(labels).to(logits.device, non_blocking=True)
        return F.cross_entropy(logits, targets, reduction="none"), logits

    return total_loss(model, forward)


def text_losses(model: nn.Module, labels: Tensor, **inputs: Tensor) -> Tensor:
    """For each text the loss whose mean over a batch is `L`, `(texts,)`: `CE`, or the squared error of one number.

    Args:
        model: a sequence classifier, perhaps wrapped for data parallelism.
        labels: the number of the class of each text, `(texts,)`; or for a model of one output, what it should be.
        inputs: what the model reads: `input_ids` and `attention_mask`, `(texts, tokens)`, and the like.

    """

    def forward() -> tuple[Tensor, Tensor]:
        logits = model(**inputs).logits.float()
        return label_losses(logits, labels), logits

    return total_loss(model, forward)


def divergence(p: Tensor, q: Tensor) -> Tensor:
    """`C = (KL(p || q) + KL(q || p)) / 2 = sum (p - q) (log p - log q) / 2` of two rows of logits, in nats."""
    log_p, log_q = p.float().log_softmax(-1), q.float().log_softmax(-1)
    return ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(-1) / 2


def _draws(model: nn.Module) -> bool:
    """Whether a method draws at random which of its experts works."""
    return model.training and any(getattr(delta, "routes", False) for delta in _acting_deltas(model))


def _acting_deltas(model: nn.Module) -> list[Any]:
    carried = getattr(bare(model), "pelt", None)
    if not isinstance(carried, Attachments):
        return []
    return [graft.delta for name in carried.acting for graft in carried.each()[name].all_grafts()]
