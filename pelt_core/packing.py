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
    row, then those of the second, and so on. What all rows begin with may stand there once, in front of what is each
    row's own: a causal model computes the same for it in every row.

    Args:
        lengths: the real tokens of each row, at least one, and one of its own.
        width: the columns of the padded batch.
        shared: tokens that all rows begin with.

    """

    def __init__(self, lengths: tuple[int, ...], width: int, shared: int = 0) -> None:
        self.lengths, self.width, self.shared = lengths, width, shared
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
    def parts(self) -> tuple[int, ...]:
        """The columns of each piece of the packed sequence: what is shared, if anything, and each row's own."""
        own = tuple(length - self.shared for length in self.lengths)
        return (self.shared, *own) if self.shared else own

    @cached_property
    def total(self) -> int:
        """The columns of the packed sequence."""
        return sum(self.parts)

    def lengthened(self, tokens: int) -> Packing:
        """The packing of the same rows with so many tokens more in front of each."""
        if not tokens:
            return self
        if tokens not in self._longer:
            lengths, shared = tuple(length + tokens for length in self.lengths), self.shared and self.shared + tokens
            self._longer[tokens] = Packing(lengths, self.width + tokens, shared)
        return self._longer[tokens]

    def pack(self, padded: Tensor) -> Tensor:
        """`(rows, width, ...)`, or `(1, width, ...)` for what all rows share, to `(1, total, ...)`."""
        places = self.places(padded.device)
        index = places.position if len(padded) == 1 else places.row * self.width + places.position
        return padded.flatten(0, 1).index_select(0, index).unsqueeze(0)

    def unpack(self, packed: Tensor) -> Tensor:
        """`(1, total, ...)` to `(rows, width, ...)`, with zeros on the padding."""
        places = self.places(packed.device)
        padded = packed[0].index_select(0, places.column.flatten()).unflatten(0, (self.rows, self.width))
        return padded.masked_fill(~places.real.view(self.rows, self.width, *[1] * (padded.dim() - 2)), 0)

    def spread(self, each: Tensor) -> Tensor:
        """One value a row, `(rows, 1, k)`, to the same value on all of its tokens, `(1, total, k)`."""
        return each.squeeze(1).index_select(0, self.places(each.device).row).unsqueeze(0)

    def first(self, packed: Tensor) -> Tensor:
        """What the first token of each row has, `(1, total, k)` to `(rows, 1, k)`."""
        return packed[0].index_select(0, self.places(packed.device).start).unsqueeze(1)

    def real(self, device: torch.device) -> Tensor:
        """Which columns of the padded batch are real, `(rows, width)`."""
        return self.places(device).real

    def places(self, device: torch.device) -> _Places:
        """Where each token is, on this device."""
        if device not in self._on:
            own = torch.tensor(self.lengths) - self.shared
            begin = own.cumsum(0) - own
            row = torch.arange(self.rows).repeat_interleave(own)
            position = torch.arange(len(row)) - begin[row] + self.shared
            front = torch.arange(self.shared)
            columns = torch.arange(self.width)
            column = torch.where(columns < self.shared, columns, begin.unsqueeze(1) + columns)
            real = columns < torch.tensor(self.lengths).unsqueeze(1)
            places = _Places(
                row=torch.cat([torch.zeros_like(front), row]),
                position=torch.cat([front, position]),
                start=column[:, 0],
                column=column.where(real, 0),
                real=real,
            )
            self._on[device] = _Places(*(t.to(device, non_blocking=True) for t in places))
        return self._on[device]


class _Places(NamedTuple):
    """Where the tokens of a packed batch are.

    Attributes:
        row: of every token, `(total,)`; 0 where rows share it.
        position: of every token in its row, `(total,)`.
        start: where each row's first token is, `(rows,)`.
        column: where the token of each column of the padded batch is, `(rows, width)`; 0 for padding.
        real: which of those columns are no padding, `(rows, width)`.

    """

    row: Tensor
    position: Tensor
    start: Tensor
    column: Tensor
    real: Tensor
