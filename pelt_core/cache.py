"""A key-value cache with room to grow, whose rows can leave, be repeated, and come from several caches."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

from pelt_core.context import Held

_STEP = 64  # tokens that a layer grows by at a time, as each growth copies it


class RoomyLayer(DynamicLayer):
    """A cache layer with room to grow: a new token is written behind the others instead of copying them all.

    A prefix has room in front of the text. It is put there once, as it stays the same while a text is written, and is
    no part of what the layer holds: neither its length nor its `keys` and `values` tell of it.
    """

    keys: Tensor
    values: Tensor

    def __init__(self) -> None:
        super().__init__()
        self._rooms: list[Tensor] = []  # for keys and for values, `(batch, heads, columns, head_dim)`
        self._front = 0  # columns of the prefix
        self._owner: int | None = None  # whose prefix that is

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Stores new keys and values, `(batch, heads, new tokens, head_dim)`, and gives all of the text."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self.take(key_states[:, :, :0], value_states[:, :, :0])
        after = self.keys.shape[2] + key_states.shape[2]
        if self._front + after > self._rooms[0].shape[2]:
            self._make_room(self._front, after + _STEP)
        for room, new in zip(self._rooms, (key_states, value_states), strict=True):
            room[:, :, self._front + self.keys.shape[2] : self._front + after] = new
        self._show(after)
        return self.keys, self.values

    def prefix(self, owner: int) -> list[Tensor] | None:
        """The keys and values that are in front of the text, if they are the owner's."""
        return [room[:, :, : self._front] for room in self._rooms] if owner == self._owner else None

    def behind(self, owner: int, key: Tensor, value: Tensor) -> list[Tensor]:
        """All keys and values of the text behind those of a prefix, `(batch, heads, virtual tokens, head_dim)`."""
        text = self.keys, self.values
        if self._owner is None:
            self._make_room(key.shape[2], self.keys.shape[2] + _STEP)
            self._owner = owner
            for room, states in zip(self._rooms, (key, value), strict=True):
                room[:, :, : self._front] = states
            self._show(text[0].shape[2])
        if self._owner != owner:
            return [torch.cat([p.to(t.dtype), t], 2) for p, t in zip((key, value), text, strict=True)]
        return [room[:, :, : self._front + text[0].shape[2]] for room in self._rooms]

    def take(self, keys: Tensor, values: Tensor) -> None:
        """Holds these keys and values, `(batch, heads, tokens, head_dim)`, instead of its own, and no prefix."""
        self._rooms, self._front, self._owner = [keys, values], 0, None
        self._show(keys.shape[2])

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keeps these rows, no more than there are; one that keeps its place is not copied."""
        moved = (indices != torch.arange(len(indices), device=indices.device)).nonzero().squeeze(1)
        for room in self._rooms:
            room[moved] = room[indices[moved]]
        self._rooms = [room[: len(indices)] for room in self._rooms]
        self._show(self.keys.shape[2])

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Follows the beams."""
        rows = beam_idx.to(self.keys.device)
        self.take(self.keys.index_select(0, rows), self.values.index_select(0, rows))

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Repeats every row."""
        self.take(self.keys.repeat_interleave(repeats, 0), self.values.repeat_interleave(repeats, 0))

    def _make_room(self, front: int, columns: int) -> None:
        """Moves to where there are `front` columns in front of the text, and others for `columns` tokens of it."""
        kept = self._front + self.keys.shape[2]
        for i, room in enumerate(self._rooms):
            larger = room.new_empty(*room.shape[:2], front + columns, room.shape[3])
            larger[:, :, front - self._front :][:, :, :kept] = room[:, :, :kept]
            self._rooms[i] = larger
        self._front = front

    def _show(self, tokens: int) -> None:
        self.keys, self.values = (room[:, :, self._front : self._front + tokens] for room in self._rooms)


class RoomyCache(Cache):
    """A key-value cache with room to grow."""

    layers: list[Any]

    def __init__(self) -> None:
        super().__init__(layer_class_to_replicate=RoomyLayer)

    def prefix(self, owner: int, layer: int) -> list[Tensor] | None:
        """The keys and values that are in front of the text of a layer, if they are the owner's."""
        there: list[Tensor] | None = self.layers[layer].prefix(owner) if layer < len(self.layers) else None
        return there

    def update_behind(
        self, owner: int, prefix: tuple[Tensor, Tensor], key: Tensor, value: Tensor, layer: int
    ) -> list[Tensor]:
        """Stores new keys and values, and gives all of a layer with the owner's prefix in front."""
        self.update(key, value, layer)
        there: list[Tensor] = self.layers[layer].behind(owner, *prefix)
        return there

    def repeated(self, repeats: int) -> RoomyCache:
        """A copy with every row repeated."""
        other = copy.deepcopy(self)
        other.batch_repeat_interleave(repeats)
        return other


def joined(caches: Sequence[RoomyCache], texts: Sequence[Tensor], mask: Tensor) -> RoomyCache:
    """One cache of the rows of several, which are used up, with every text moved to the right.

    Args:
        caches: at least one, each perhaps with virtual tokens in front of its text.
        texts: for each cache 1 on the text and 0 on the padding behind it, `(rows, columns)`.
        mask: of all rows, 1 on the text and 0 on the padding in front of it, `(batch, columns)`.

    """
    virtual = caches[0].get_seq_length() - texts[0].shape[1]
    rows = [len(text) for text in texts]
    sources = [F.pad(text, (virtual, 0), value=1).nonzero(as_tuple=True) for text in texts]
    targets = [F.pad(part, (virtual, 0), value=1).nonzero(as_tuple=True) for part in mask.split(rows)]

    def moved(parts: Sequence[Tensor]) -> Tensor:
        """`(rows, ..., columns, size)` of each cache to the same of all rows."""
        whole = parts[0].new_zeros(len(mask), *parts[0].shape[1:-2], virtual + mask.shape[1], parts[0].shape[-1])
        for there, here, target, source in zip(whole.split(rows), parts, targets, sources, strict=True):
            there.transpose(1, -2)[target] = here.transpose(1, -2)[source]
        return whole

    whole = RoomyCache()
    for _ in range(len(caches[0].layers)):
        same: list[Any] = [cache.layers.pop(0) for cache in caches]
        if isinstance(same[0], Held):
            same[0].sums = {gate: moved([layer.sums[gate] for layer in same]) for gate in same[0].sums}
        else:
            same[0].take(moved([layer.keys for layer in same]), moved([layer.values for layer in same]))
        whole.layers.append(same[0])
    return whole
