"""The loss of a causal language model on the answer alone, with the head applied to nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from pelt_core.data.batches import IGNORED
from pelt_core.prompt_end import prompt_ends, prompt_lengths


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
        model: a causal language model, perhaps wrapped for data parallelism.
        input_ids: shape (batch, tokens), padded on the right.
        attention_mask: 1 on tokens, 0 on padding, shape (batch, tokens).
        labels: the token ids of the answer, -100 elsewhere, shape (batch, tokens).

    Returns:
        One loss for each answer token, row by row, shape (answer tokens,).

    """
    logits = answer_logits(model, input_ids, attention_mask, labels)
    return nn.functional.cross_entropy(logits, answer_tokens(labels), reduction="none")


def answer_tokens(labels: Tensor) -> Tensor:
    """The ids of the predicted tokens, row by row, shape (answer tokens,)."""
    return labels[:, 1:][predicted_positions(labels)[:, :-1]]


def answer_logits(model: nn.Module, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Tensor:
    """The logits of every answer token, row by row, in fp32, shape (answer tokens, vocabulary).

    A vocabulary of 50,000 makes the head a third of a small model's work, and the prompt's share of it is thrown away;
    so the head W sees the hidden states h of the predicting positions only. It computes in the backbone's dtype.
    """
    core = bare(model)
    with _head_sees(core, predicted_positions(labels)), prompt_ends(core, prompt_lengths(labels)):
        logits: Tensor = model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).logits
    return logits.float()


def bare(model: nn.Module) -> nn.Module:
    """The model without its wrapper for data parallelism."""
    return model.module if isinstance(model, nn.parallel.DistributedDataParallel) else model


@contextmanager
def _head_sees(model: nn.Module, keep: Tensor) -> Iterator[None]:
    """Hands the model's head `hidden[keep]`, shape (answer tokens, hidden), in the place of all hidden states."""

    def select(head: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor]:
        return (args[0][keep],)

    assert isinstance(model, PreTrainedModel)
    handle = model.get_output_embeddings().register_forward_pre_hook(select)
    try:
        yield
    finally:
        handle.remove()
