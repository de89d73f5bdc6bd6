"""Sampling continuations of many prompts at once, each from a random stream of its own."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from pelt_core.data.batches import left_pad
from pelt_core.decode import extend, stop_tokens


def sample(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    seeds: Sequence[str],
    *,
    temperature: float,
    max_new_tokens: int,
) -> list[str]:
    """A continuation of every prompt, drawn by `p(v) ~ exp(logit_v / temperature)`, up to the end token.

    A prompt's draws follow its seed alone: which prompts share its batch moves them only by rounding.

    Args:
        model: a causal language model, with or without a method attached.
        tokenizer: of the model.
        prompts: texts, decoded in one batch.
        seeds: one for each prompt.
        temperature: above 0.
        max_new_tokens: tokens after which a continuation is cut.

    Returns:
        The continuations, without special tokens.

    """
    model.eval()
    streams = [random.Random(seed) for seed in seeds]

    def choose(logits: Tensor, rows: Sequence[int]) -> Tensor:
        cumulated = (logits.double() / temperature).softmax(-1).cumsum(-1)
        drawn = torch.tensor([[streams[row].random()] for row in rows], dtype=torch.double, device=logits.device)
        return torch.searchsorted(cumulated, drawn * cumulated[:, -1:], right=True).squeeze(1)

    inputs = left_pad(tokenizer, prompts)
    stops = stop_tokens(model, tokenizer)
    written = extend(model, **inputs, choose=choose, max_new_tokens=max_new_tokens, stops=stops)
    return [str(tokenizer.decode(tokens, skip_special_tokens=True)) for tokens in written]
