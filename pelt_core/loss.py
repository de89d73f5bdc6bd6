"""The loss of a causal language model on the answer alone, with the head applied to nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from accelerate.utils import extract_model_from_parallel
from torch import Tensor, nn
from transformers import PreTrainedModel

from pelt_core.cross_entropy import linear_cross_entropy
from pelt_core.data.batches import IGNORED
from pelt_core.errors import PeltError
from pelt_core.prompt_end import prompt_ends, prompt_lengths


class LossError(PeltError, TypeError):
    """What is no transformers model, and so has no head to compute a loss with and carries no method."""


def predicted_positions(labels: Tensor) -> Tensor:
    """The positions whose next token carries a loss: `k[b, t] = labels[b, t + 1] != -100`.

    Args:
        labels: token ids or -100, shape (batch, tokens).

    Returns:
        A boolean mask, shape (batch, tokens); the last column is false.

    """
    keep = torch.zeros_like(labels, dtype=torch.bool)
    keep[:, :-1] = labels[:, 1:] != IGNORED
    return keep


def token_losses(model: nn.Module, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of every answer token, `-log softmax(W h_t)[y_{t+1}]`, in nats and in fp32.

    Args:
        model: a causal language model, perhaps compiled, or wrapped for data parallelism.
        input_ids: shape (batch, tokens), padded on the right.
        attention_mask: 1 on tokens, 0 on padding, shape (batch, tokens).
        labels: the token ids of the answer, -100 elsewhere, shape (batch, tokens); on the CPU, a GPU is not waited for.

    Returns:
        One loss for each answer token, row by row, shape (answer tokens,).

    """
    head, targets = _head(model), answer_tokens(labels)
    if not _is_frozen_map(head):
        logits = answer_logits(model, input_ids, attention_mask, labels)
        return F.cross_entropy(logits, targets.to(logits.device, non_blocking=True), reduction="none")

    def losses(h: Tensor) -> Tensor:
        return linear_cross_entropy(h, head.weight, head.bias, targets.to(h.device, non_blocking=True))

    return _in_place_of_logits(model, input_ids, attention_mask, labels, losses)


def answer_tokens(labels: Tensor) -> Tensor:
    """The ids of the predicted tokens, row by row, shape (answer tokens,)."""
    return labels[:, 1:][predicted_positions(labels)[:, :-1]]


def answer_logits(model: nn.Module, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Tensor:
    """The logits of every answer token, row by row, in fp32, shape (answer tokens, vocabulary).

    A vocabulary of 50,000 makes the head a third of a small model's work, and the prompt's share of it is thrown away;
    so the head W sees the hidden states h of the predicting positions only. It computes in the backbone's dtype.
    `token_losses` does not need them, and is faster.
    """
    head = _head(model)
    return _in_place_of_logits(model, input_ids, attention_mask, labels, head.forward).float()


def bare(model: nn.Module) -> PreTrainedModel:
    """The model without its wrappers: for data parallelism, or of a compiled one.

    Raises:
        LossError: if there is no transformers model inside.

    """
    core = model
    while not isinstance(core, PreTrainedModel):
        inner = extract_model_from_parallel(core, keep_torch_compile=False)
        if inner is core:
            raise LossError(
                "the loss is that of a transformers model, compiled or wrapped for data parallelism perhaps, and not "
                f"of a {type(core).__name__}"
            )
        core = inner
    return core


def _head(model: nn.Module) -> Any:
    return bare(model).get_output_embeddings()


def _is_frozen_map(head: nn.Module) -> bool:
    """Whether the head is a linear map and no more: not trained, and not changed by a hook."""
    trained = any(p.requires_grad for p in head.parameters())
    changed = head._forward_hooks or head._forward_pre_hooks or "forward" in vars(head)
    return type(head) is nn.Linear and not trained and not changed


def _in_place_of_logits(
    model: nn.Module, input_ids: Tensor, attention_mask: Tensor, labels: Tensor, compute: Callable[[Tensor], Tensor]
) -> Tensor:
    """What `compute` makes of the hidden states that predict an answer token, `(answer tokens, hidden)`.

    It takes the place of the head inside of the model, so that hooks and wrappers around the model see one pass.
    """
    predicting = predicted_positions(labels).flatten().nonzero().squeeze(1)

    def of_those_that_predict(h: Tensor) -> Tensor:
        return compute(h.flatten(0, 1).index_select(0, predicting.to(h.device, non_blocking=True)))

    with prompt_ends(model, prompt_lengths(labels)), _head_computes(_head(model), of_those_that_predict):
        computed: Tensor = model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).logits
    return computed


@contextmanager
def _head_computes(head: nn.Module, compute: Callable[[Tensor], Tensor]) -> Iterator[None]:
    before = vars(head).get("forward")  # there if accelerate fetches the weights
    head.forward = compute
    try:
        yield
    finally:
        del head.forward
        if before is not None:
            head.forward = before
