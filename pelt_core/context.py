"""What the layer at work was given, for gates that have to know more than the hidden states they read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers.cache_utils import DummyLayer

from pelt_core.packing import Packing
from pelt_core.prompt_end import PromptEnd
from pelt_core.sites import Layer


class Held(DummyLayer):
    """What gates keep in a key-value cache, as one more of its layers: it follows the rows of the cache.

    Attributes:
        sums: the `id` of a gate, or of a list of gates -> running sums, `(batch, columns, values + 1)`. Those of
            columns that are cropped away are overwritten by what follows.

    """

    def __init__(self) -> None:
        super().__init__()
        self.sums: dict[int, Tensor] = {}

    def reset(self) -> None:
        """Forgets everything."""
        self.sums.clear()

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Follows the beams."""
        self.batch_select_indices(beam_idx)

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keeps these rows."""
        self.sums = {gate: sums[indices.to(sums.device)] for gate, sums in self.sums.items()}

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Repeats every row."""
        self.sums = {gate: sums.repeat_interleave(repeats, 0) for gate, sums in self.sums.items()}


class Context(nn.Module):
    """The hidden states, the attention mask and the key-value cache of one layer, kept from its attention to its end.

    They are taken where attention receives them, so that a layer which is computed anew under gradient checkpointing
    sees its own batch again, and before a prefix widens them.

    In a packed batch, `(1, total, hidden)`, a row is what `packing` says, and all that is one number a row is given to
    each of its tokens.

    Attributes:
        hidden: what attention reads, `(batch, tokens, hidden)`; `None` outside of the layer.
        past: the columns that the cache held before these tokens.
        packing: where the rows of a packed batch are; `None` for any other.

    """

    def __init__(self, layer: Layer, prompt: PromptEnd) -> None:
        super().__init__()
        self.layer, self.prompt = layer, prompt
        self.hidden: Tensor | None = None
        self.past = 0
        self.packing: Packing | None = None
        self._virtual = 0  # columns in front of the text
        self._first_key = 0  # the column of the first key that the mask tells of: not 0 behind a sliding window
        self._depth = 0
        self._mask: Tensor | None = None
        self._cache: Any = None
        self._found: dict[int, Tensor] = {}

    def wire(self, base: nn.Module) -> list[RemovableHandle]:
        """Hooks this context into its layer of `base`; the handles take it out again."""
        block = base.get_submodule(self.layer.path)
        attention = block.get_submodule(self.layer.stack.attention)
        self._depth = len(list(base.get_submodule(self.layer.stack.layers).children()))
        return [
            attention.register_forward_pre_hook(self._begin, with_kwargs=True, prepend=True),
            block.register_forward_hook(self._end, always_call=True),
        ]

    def real(self) -> Tensor | None:
        """Which of the tokens are no padding, `(batch, tokens)`; `None` where all are real."""
        if self._mask is None or self.hidden is None or self.packing is not None:
            return None
        tokens, first = self.hidden.shape[1], self.past - self._first_key
        if self._mask.dim() == 2:
            return self._mask[:, first : first + tokens] > 0
        seen = self._mask[:, 0] if self._mask.dtype is torch.bool else self._mask[:, 0] >= 0
        if seen.shape[1] == 1:
            return seen[:, 0, first : first + tokens]
        return seen.diagonal(first, 1, 2)[:, :tokens]  # a token sees itself, and padding is seen by none

    def mean(self, values: Tensor) -> Tensor:
        """The mean of `(batch, tokens, k)` over the real tokens, `(batch, 1, k)`; of a packed row on all its tokens."""
        means = self.mean_of_each_row(values)
        return means if self.packing is None else self.packing.spread(means)

    def mean_of_each_row(self, values: Tensor) -> Tensor:
        """The mean of `(batch, tokens, k)` over the real tokens, `(rows, 1, k)`, of a packed batch too."""
        if self.packing is None:
            return _mean(values, self.real())
        return _mean(self.packing.unpack(values), self.packing.real(values.device))

    def mean_with_padding(self, values: Tensor) -> Tensor:
        """The mean of `(batch, tokens, k)` over all tokens, `(batch, 1, k)`; a packed batch has no padding."""
        return values.mean(1, keepdim=True) if self.packing is None else self.mean(values)

    def prompt_mean(self, owner: object, values: Callable[[], Tensor]) -> Tensor:
        """The mean of `(batch, tokens, k)` over the real tokens of the prompt, as far as each token has come in it.

        While decoding, the mean at the prompt's end is taken from the cache, `(batch, 1, k)`, without `values`. An
        encoder's tokens see the whole prompt at once: the mean over all of it, `(batch, 1, k)`.

        Args:
            owner: whose the running sums in the cache are: a gate, or the list of several.
            values: computes what the mean is taken of.

        """
        if not self.layer.stack.causal:
            return self.mean(values())
        sums, end = self._sums(owner), self.prompt.end
        if end is not None:
            end = end + self._virtual
        elif sums is not None:
            end = sums.shape[1]
        if self.packing is not None:
            read = values()
            rows = self._further(None, self.packing.unpack(read), self.packing.real(read.device), end)
            sums = self.packing.pack(rows)
        elif sums is None or not isinstance(end, int) or self.past < end:
            sums = self._further(sums, values(), self.real(), end)
            if self._cache is not None:
                self._held(self._cache).sums[id(owner)] = sums
            sums = sums[:, self.past :]
        else:
            sums = sums[:, -1:]
        return sums[..., :-1] / sums[..., -1:].clamp(min=1)

    def once(self, gate: nn.Module, value: Callable[[], Tensor]) -> Tensor:
        """`value()`, computed once for the batch at work."""
        if id(gate) not in self._found:
            self._found[id(gate)] = value()
        return self._found[id(gate)]

    def _further(self, sums: Tensor | None, values: Tensor, real: Tensor | None, end: int | Tensor | None) -> Tensor:
        """The running sums `(sum, count)` with those of the tokens at work, `(batch, past + tokens, k + 1)`."""
        batch, tokens, k = values.shape
        columns = torch.arange(self.past, self.past + tokens, device=values.device)
        inside = values.new_ones(batch, tokens, dtype=torch.bool) if real is None else real
        if end is not None:
            if isinstance(end, Tensor):
                end = end.to(columns.device, non_blocking=True).unsqueeze(1)
            before = columns < end
            # A row whose labels begin with its first token says nothing of a prompt: all of it is one.
            told = (inside & before)[:, self._virtual :].any(1, keepdim=True)
            inside = inside & (before if self.past else before | ~told)
        if sums is None:
            sums = values.new_zeros(batch, self.past, k + 1, dtype=torch.float32)
        weight = inside.unsqueeze(-1).float()
        added = torch.cat([weight * values.float(), weight], -1).cumsum(1)
        return torch.cat([sums[:, : self.past], sums[:, : self.past][:, -1:].sum(1, keepdim=True) + added], 1)

    def _sums(self, owner: object) -> Tensor | None:
        return None if self._cache is None else self._held(self._cache).sums.get(id(owner))

    def _held(self, cache: Any) -> Held:
        if not (cache.layers and isinstance(cache.layers[-1], Held)):
            while len(cache.layers) < self._depth:  # a cache without a configuration makes its layers one by one
                cache.layers.append(cache.layer_class_to_replicate())
            cache.layers.append(Held())
        held: Held = cache.layers[-1]
        return held

    def _begin(self, attention: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        hidden = self.hidden = kwargs["hidden_states"] if "hidden_states" in kwargs else args[0]
        self._mask, cache = kwargs.get(self.layer.stack.mask), kwargs.get(self.layer.stack.cache)
        self._cache = cache = getattr(cache, "self_attention_cache", cache)
        self.past = self._first_key = 0
        self.packing = kwargs.get("packing")
        self._found.clear()
        if cache is not None:
            self.past = int(cache.get_seq_length(attention.layer_idx))
            self._first_key = cache.get_mask_sizes(hidden.shape[1], attention.layer_idx)[1]
        if self.past == 0:
            columns = hidden.shape[1] if self.packing is None else self.packing.width
            self._virtual = 0 if self.prompt.tokens is None else columns - self.prompt.tokens

    def _end(self, block: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        self.hidden = self._mask = self._cache = self.packing = None
        self._found.clear()


def _mean(values: Tensor, real: Tensor | None) -> Tensor:
    """The mean over the tokens, or over those that are real, `(batch, tokens)`."""
    if real is None:
        return values.mean(1, keepdim=True)
    weight = real.unsqueeze(-1).float()  # bf16 counts no further than 256
    total = (weight * values.float()).sum(1, keepdim=True)
    return (total / weight.sum(1, keepdim=True).clamp(min=1)).to(values.dtype)
