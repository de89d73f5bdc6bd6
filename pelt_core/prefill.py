"""The key-value cache of many prompts, computed once."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import torch
from torch import Tensor
from transformers import PreTrainedModel

from pelt_core.cache import RoomyCache, joined
from pelt_core.modules.gates import reads_ahead

# Tokens at once: enough for fast products, and few enough that a CPU finds what they need in its caches.
_TOKENS = 1024


def prefill(model: PreTrainedModel, input_ids: Tensor, attention_mask: Tensor) -> RoomyCache:
    """The cache that one pass over a batch would fill, at less work.

    What all rows begin with is computed once, and rows of similar length a few at a time, with little padding.

    Args:
        model: a causal language model in eval mode; for the gate `prompt`, inside `pelt_core.prompt_ends`.
        input_ids: padded on the left, `(batch, tokens)`, rows of similar length next to each other.
        attention_mask: 1 on tokens, 0 on padding, `(batch, tokens)`.

    Returns:
        A cache of `(batch, tokens)`, with zeros for the padding.

    """
    if not input_ids.shape[1]:
        return RoomyCache()
    lengths = attention_mask.sum(1)
    mask = (torch.arange(input_ids.shape[1], device=lengths.device) < lengths[:, None]).to(attention_mask.dtype)
    ids = torch.zeros_like(input_ids)
    ids[mask > 0] = input_ids[attention_mask > 0]
    same = ((ids == ids[0]) & (mask > 0)).all(0)
    shared = 0 if reads_ahead(model) else int(same.cumprod(0).sum())
    preface = RoomyCache()
    if shared:
        extend(model, preface, ids[:1, :shared], mask[:1, :shared])
    caches, texts = [], []
    for rows, longest in _groups(lengths.tolist(), shared):
        cache, text = preface.repeated(rows.stop - rows.start), mask[rows, :longest]
        if longest > shared:
            extend(model, cache, ids[rows, shared:longest], text)
        caches.append(cache)
        texts.append(text)
    return joined(caches, texts, attention_mask)


def extend(model: PreTrainedModel, cache: RoomyCache, input_ids: Tensor, attention_mask: Tensor) -> None:
    """Computes the keys and values of further tokens, and none of their logits.

    Args:
        model: a causal language model in eval mode.
        cache: of the tokens before.
        input_ids: the further tokens, `(batch, tokens)`.
        attention_mask: 1 on tokens, 0 on padding, of the tokens before too, `(batch, columns)`.

    """
    positions = positions_of(model, attention_mask, input_ids.shape[1])
    model.base_model(
        input_ids=input_ids, attention_mask=attention_mask, past_key_values=cache, use_cache=True, **positions
    )


def positions_of(model: PreTrainedModel, attention_mask: Tensor, tokens: int) -> dict[str, Tensor]:
    """The positions of the last `tokens`, counted without the padding, for a model that is told them."""
    if "position_ids" not in inspect.signature(model.forward).parameters:
        return {}
    return {"position_ids": (attention_mask.cumsum(1) - 1).clamp(min=0)[:, -tokens:]}


def _groups(lengths: list[int], shared: int) -> Iterator[tuple[slice, int]]:
    """Rows that come next to each other, at most `_TOKENS` unshared tokens of them, and the length of the longest."""
    start, longest = 0, 1
    for row, length in enumerate(lengths):
        longer = max(longest, length)
        if row > start and (row + 1 - start) * (longer - shared) > _TOKENS:
            yield slice(start, row), longest
            start, longer = row, max(1, length)
        longest = longer
    yield slice(start, len(lengths)), longest
