"""Greedy decoding of many prompts at once, token for token what `model.generate(do_sample=False)` writes."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.cache_utils import Cache, DynamicLayer

from pelt_core.data.batches import left_pad

# Rows that have ended are taken out once they are this share of a batch: each time the whole cache is copied.
_IDLE_SHARE = 0.125
# A cache grows by this many tokens at a time, as each growth copies it.
_CACHE_STEP = 64


def generate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    *,
    max_new_tokens: int,
    batch_size: int = 64,
) -> list[str]:
    """The greedy continuation of every prompt: `y_t = argmax_v p(v | prompt, y_<t)`, up to the end token.

    Prompts of similar length share a batch, the longest first, padded on the left; a row that has ended leaves it.

    Args:
        model: a causal language model, with or without a method attached.
        tokenizer: of the model.
        prompts: texts, in any order.
        max_new_tokens: tokens after which a continuation is cut.
        batch_size: prompts decoded at once.

    Returns:
        The continuations in the order of the prompts, without special tokens.

    """
    model.eval()
    stops = stop_tokens(model, tokenizer)
    texts = [""] * len(prompts)
    longest_first = sorted(range(len(prompts)), key=lambda i: -len(prompts[i]))
    with tqdm(total=len(prompts), desc="generating", unit="prompt", disable=None, leave=False) as bar:
        for start in range(0, len(prompts), batch_size):
            batch = longest_first[start : start + batch_size]
            inputs = left_pad(tokenizer, [prompts[i] for i in batch])
            continuations = greedy(model, **inputs, max_new_tokens=max_new_tokens, stops=stops)
            for i, tokens in zip(batch, continuations, strict=True):
                texts[i] = str(tokenizer.decode(tokens, skip_special_tokens=True))
            bar.update(len(batch))
    return texts


def stop_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """The ids after which nothing is read: the tokenizer's end and padding, and those the model itself names."""
    named = model.generation_config.eos_token_id
    ids = [*(named if isinstance(named, list) else [named]), tokenizer.eos_token_id, tokenizer.pad_token_id]
    return frozenset(i for i in ids if i is not None)


@torch.inference_mode()
def greedy(
    model: PreTrainedModel, input_ids: Tensor, attention_mask: Tensor, *, max_new_tokens: int, stops: frozenset[int]
) -> list[list[int]]:
    """The greedy continuation of every row, without the token that ended it.

    Args:
        model: a causal language model in eval mode.
        input_ids: prompts padded on the left, shape (batch, tokens).
        attention_mask: 1 on tokens, 0 on padding, shape (batch, tokens).
        max_new_tokens: tokens after which a continuation is cut.
        stops: ids that end a continuation.

    """
    device = next(model.parameters()).device
    mask, tokens = attention_mask.to(device), input_ids.to(device)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    takes_positions = "position_ids" in inspect.signature(model.forward).parameters
    cache = Cache(layer_class_to_replicate=_RoomyLayer)
    written: list[list[int]] = [[] for _ in input_ids]
    rows = list(range(len(input_ids)))  # the prompt that each row of the batch continues
    running = [True] * len(rows)
    for _ in range(max_new_tokens):
        extra = {"position_ids": positions} if takes_positions else {}
        logits = model(
            input_ids=tokens, attention_mask=mask, past_key_values=cache, use_cache=True, logits_to_keep=1, **extra
        ).logits
        chosen = logits[:, -1].argmax(-1)
        for row, token in enumerate(chosen.tolist()):
            running[row] = running[row] and token not in stops
            if running[row]:
                written[rows[row]].append(token)
        if not any(running):
            break
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
        tokens, positions = chosen[:, None], positions[:, -1:] + 1
        if sum(running) <= (1 - _IDLE_SHARE) * len(running):
            kept = torch.tensor([row for row, runs in enumerate(running) if runs], device=device)
            cache.batch_select_indices(kept)
            mask, tokens, positions = mask[kept], tokens[kept], positions[kept]
            rows = [rows[row] for row in kept.tolist()]
            running = [True] * len(rows)
    return written


class _RoomyLayer(DynamicLayer):
    """A cache layer with room to grow: a new token is written behind the others instead of copying them all."""

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Stores new keys and values, shape (batch, heads, new tokens, head size), and gives all so far."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self._key_room, self._value_room = key_states[:, :, :0], value_states[:, :, :0]
        before, after = self.get_seq_length(), self.get_seq_length() + key_states.shape[2]
        self._key_room, self.keys = _append(self._key_room, key_states, before, after)
        self._value_room, self.values = _append(self._value_room, value_states, before, after)
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keeps these rows of the batch."""
        length = self.get_seq_length()
        self._key_room, self._value_room = self._key_room[indices], self._value_room[indices]
        self.keys, self.values = self._key_room[:, :, :length], self._value_room[:, :, :length]


def _append(room: Tensor, new: Tensor, before: int, after: int) -> tuple[Tensor, Tensor]:
    if after > room.shape[2]:
        batch, heads, _, size = new.shape
        larger = new.new_empty(batch, heads, after + _CACHE_STEP, size)
        larger[:, :, :before] = room[:, :, :before]
        room = larger
    room[:, :, before:after] = new
    return room, room[:, :, :after]
