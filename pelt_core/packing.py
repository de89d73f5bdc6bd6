"""Rows of unequal length laid one behind another, so that no padding is computed."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from pelt_core.errors import PeltError


class PaddingError(PeltError, ValueError):
    """A batch whose padding is not where packing expects it."""


class Packing:
    """Which columns of a packed sequence are which row's.

    A batch of `(rows, width, ...)`, padded on the right, is packed to `(1, total, ...)`: the real tokens of the first
    row, then those of the second, and so on.

    Args:
        lengths: the real tokens of each row, at least one.
        width: the columns of the padded batch.

    """

    def __init__(self, lengths: tuple[int, ...], width: int) -> None:
        self.lengths, self.width = lengths, width
        self._on: dict[torch.device, _Places] = {}
        self._longer: dict[int, Packing] = {}

    @classmethod
    def of(cls, mask: Tensor) -> Packing:
        """The packing of a batch with this attention mask, 1 on tokens and 0 on padding, `(rows, width)`.

        Raises:
            PaddingError: unless each row is padded on the right alone and holds a token.

        """
        if mask.dim() != 2:
            raise PaddingError(f"packing needs the attention mask as (rows, width), and this is {tuple(mask.shape)}")
        real = mask > 0
        if not real[:, 0].all() or (real[:, 1:] & ~real[:, :-1]).any():
            raise PaddingError(
                "only rows that are padded on the right, and hold a token, can be packed: set "
                "tokenizer.padding_side = 'right' for training"
            )
        return cls(tuple(real.sum(1).tolist()), mask.shape[1])

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.lengths)

    @cached_property
    def total(self) -> int:
        """The columns of the packed sequence."""
        return sum(self.lengths)

    def lengthened(self, tokens: int) -> Packing:
        """The packing of the same rows with so many tokens more in front of each."""
        if not tokens:
            return self
        if tokens not in self._longer:
            self._longer[tokens] = Packing(tuple(length + tokens for length in self.lengths), self.width + tokens)
        return self._longer[tokens]

    def pack(self, padded: Tensor) -> Tensor:
        """`(rows, width, ...)`, or `(1, width, ...)` for what all rows share, to `(1, total, ...)`."""
        places = self.places(padded.device)
        index = places.position if len(padded) == 1 else places.row * self.width + places.position
        return padded.flatten(0, 1).index_select(0, index).unsqueeze(0)

    def unpack(self, packed: Tensor) -> Tensor:
        """`(1, total, ...)` to `(rows, width, ...)`, with zeros on the padding."""
        places = self.places(packed.device)
        padded = packed[0].new_zeros(self.rows * self.width, *packed.shape[2:])
        index = places.row * self.width + places.position
        return padded.index_copy(0, index, packed[0]).unflatten(0, (self.rows, self.width))

    def spread(self, each: Tensor) -> Tensor:
        """One value a row, `(rows, 1, k)`, to the same value on all of its tokens, `(1, total, k)`."""
        return each.squeeze(1).index_select(0, self.places(each.device).row).unsqueeze(0)

    def first(self, packed: Tensor) -> Tensor:
        """What the first token of each row has, `(1, total, k)` to `(rows, 1, k)`."""
        return packed[0].index_select(0, self.places(packed.device).start).unsqueeze(1)

    def ends(self, device: torch.device) -> Tensor:
        """0, and the column after each row's last, `(rows + 1,)`, as kernels for rows of unequal length take it."""
        places = self.places(device)
        return torch.cat([places.start, places.start.new_tensor([self.total])]).int()

    def real(self, device: torch.device) -> Tensor:
        """Which columns of the padded batch are real, `(rows, width)`."""
        return self.places(device).real

    def places(self, device: torch.device) -> _Places:
        """Where each token is, on this device."""
        if device not in self._on:
            lengths = torch.tensor(self.lengths)
            row = torch.arange(self.rows).repeat_interleave(lengths)
            start = lengths.cumsum(0) - lengths
            position = torch.arange(self.total) - start[row]
            real = torch.arange(self.width) < lengths.unsqueeze(1)
            self._on[device] = _Places(*(t.to(device, non_blocking=True) for t in (row, position, start, real)))
        return self._on[device]


class _Places(NamedTuple):
    """Row and position in it of every token, `(total,)`; the column of each row's first, `(rows,)`; what is real."""

    row: Tensor
    position: Tensor
    start: Tensor
    real: Tensor
