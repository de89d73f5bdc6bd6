"""Attention within the rows of a packed batch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention.varlen import varlen_attn

from pelt_core.biased_attention import biased_attention
from pelt_core.packing import Packing

_STEP = 64  # masks are made for a length rounded up to this, so that few are


class Rows(NamedTuple):
    """Which keys the queries of a packed batch see.

    Attributes:
        packing: of the queries.
        virtual: keys in front of each row, which all of its queries see; if rows share what they begin with, once.
        causal: whether a query sees no later key of its row.
        window: how many of the last keys of its row a causal query sees, itself among them; `None` for all.

    """

    packing: Packing
    virtual: int
    causal: bool
    window: int | None

    def first_positions(self) -> list[int]:
        """The position of the first query of each piece, see `pelt_core.packing.Packing.parts`."""
        shared = self.packing.shared
        return ([0] if shared else []) + [shared] * self.packing.rows

    def keys_of_each(self, states: Tensor) -> list[Tensor]:
        """The keys, or values, that each piece's queries may see."""
        if not self.packing.shared:
            return list(states.split([length + self.virtual for length in self.packing.lengths], 2))
        in_front = self.virtual + self.packing.shared
        front, *own = states.split([in_front, *self.packing.parts[1:]], 2)
        return [front, *(torch.cat([front, each], 2) for each in own)]


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    packing: Packing,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """`softmax(s Q K^T + M) V` within each row, in the signature that transformers calls.

    In front of the keys of every row may be `n` keys that all of its queries see: those of a prefix.

    Args:
        module: the attention module; its `is_causal` says whether a token sees only those before it.
        query: `(1, heads, total, head_dim)`.
        key: `(1, key-value heads, total + rows * n, head_dim)`, or `total + n` of rows that share what they begin with.
        value: as `key`.
        attention_mask: `M` of the first `m` keys of every row, `(1, 1, total, m)`; it is 0 on the others.
        packing: of the queries.
        scaling: `s`; `1 / sqrt(head_dim)` unless given.
        dropout: of the attention weights.
        sliding_window: how many of the last tokens a causal token sees, itself among them; all unless given.
        kwargs: what transformers hands to other kinds of attention.

    Returns:
        `(1, total, heads, head_dim)`, and no weights.

    """
    causal = bool(getattr(module, "is_causal", True))
    virtual = (key.shape[2] - packing.total) // (1 if packing.shared else packing.rows)
    window = sliding_window if causal and sliding_window and sliding_window < max(packing.lengths) else None
    rows = Rows(packing, virtual, causal, window)
    if query.device.type == "cpu":
        attend = row_by_row
    elif query.is_cuda and query.dtype is not torch.float32 and attention_mask is None and not (dropout or window):
        return variable_length(query, key, value, rows, scaling), None
    else:
        attend = all_at_once
    return attend(query, key, value, attention_mask, rows, scaling, dropout), None


def row_by_row(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, rows: Rows, scaling: float | None, dropout: float
) -> Tensor:
    """One call a row, which costs a CPU little and computes nothing twice; arguments as `packed_attention`."""
    parts, causal = list(rows.packing.parts), rows.causal
    biases: Any = [None] * len(parts) if bias is None else bias.to(query.dtype).split(parts, 2)
    queries, keys, values = query.split(parts, 2), rows.keys_of_each(key), rows.keys_of_each(value)
    heads = []
    for q, k, v, b, first in zip(queries, keys, values, biases, rows.first_positions(), strict=True):
        alone = causal and q.shape[2] == k.shape[2] and rows.window is None and b is None
        seen = None
        if causal and not alone:
            seen = _seen(first, _rounded(max(parts)), rows.virtual, causal, rows.window, q.dtype)
            seen = seen[: q.shape[2], : k.shape[2]]
        if b is not None and not dropout:
            heads.append(biased_attention(q, k, v, b, seen, scaling))
            continue
        if b is not None:
            behind = F.pad(b, (0, k.shape[2] - b.shape[3]))
            seen = behind if seen is None else seen + behind
        heads.append(
            F.scaled_dot_product_attention(q, k, v, seen, dropout, alone, scale=scaling, enable_gqa=_grouped(q, k))
        )
    return torch.cat(heads, 2).transpose(1, 2)


def all_at_once(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, rows: Rows, scaling: float | None, dropout: float
) -> Tensor:
    """One call with a block-diagonal mask, `(1, heads, total, total)`; arguments as `packed_attention`."""
    seen = _blocks(rows, query.device)
    if bias is not None:
        column = rows.packing.lengthened(rows.virtual).places(query.device).position
        inside = F.pad(bias.to(query.dtype), (0, 1))[..., column.clamp(max=bias.shape[3])]
        seen = inside.masked_fill(~seen, float("-inf"))
    heads = F.scaled_dot_product_attention(
        query, key, value, seen, dropout, scale=scaling, enable_gqa=_grouped(query, key)
    )
    return heads.transpose(1, 2)


def variable_length(query: Tensor, key: Tensor, value: Tensor, rows: Rows, scaling: float | None) -> Tensor:
    """Flash attention over rows of unequal length, as torch brings it for CUDA; arguments as `packed_attention`.

    It aligns causal queries with the last keys, so that those in front are seen by all.
    """
    parts, keys = rows.packing.parts, rows.keys_of_each(key)
    longer = [each.shape[2] for each in keys]
    if rows.packing.shared:
        key, value = torch.cat(keys, 2), torch.cat(rows.keys_of_each(value), 2)
    heads = varlen_attn(
        query[0].transpose(0, 1),
        key[0].transpose(0, 1),
        value[0].transpose(0, 1),
        _ends(parts, query.device),
        _ends(longer, query.device),
        max(parts),
        max(longer),
        scale=scaling,
        window_size=(-1, 0 if rows.causal else -1),
        enable_gqa=_grouped(query, key),
    )
    assert isinstance(heads, Tensor)
    return heads.unsqueeze(0)


def _grouped(query: Tensor, key: Tensor) -> bool:
    return query.shape[1] != key.shape[1]


def _rounded(length: int) -> int:
    return -(-length // _STEP) * _STEP


def _ends(lengths: Sequence[int], device: torch.device) -> Tensor:
    """0, and the column after each piece's last, `(pieces + 1,)`."""
    return F.pad(torch.tensor(lengths).cumsum(0), (1, 0)).int().to(device, non_blocking=True)


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # a backward pass may come to need it
def _seen(first: int, queries: int, virtual: int, causal: bool, window: int | None, dtype: torch.dtype) -> Tensor:
    """0 where a query of one row sees a key and -inf where not, `(queries, virtual + first + queries)`."""
    positions = torch.arange(first, first + queries)
    hidden = _hidden(positions.unsqueeze(1), torch.arange(-virtual, first + queries), causal, window)
    return torch.zeros(hidden.shape, dtype=dtype).masked_fill(hidden, float("-inf"))


@lru_cache(maxsize=1)
def _blocks(rows: Rows, device: torch.device) -> Tensor:
    """Which query sees which key of the whole packed batch, `(total, total + rows * virtual)`."""
    longer = rows.packing.lengthened(rows.virtual)
    queries, keys = rows.packing.places(device), longer.places(device)
    hidden = _hidden(queries.position.unsqueeze(1), keys.position - rows.virtual, rows.causal, rows.window)
    return ((queries.row.unsqueeze(1) == keys.row) | (keys.position < longer.shared)) & ~hidden


def _hidden(query: Tensor, key: Tensor, causal: bool, window: int | None) -> Tensor:
    """Whether a query does not see a key of its row, by their positions; a virtual key has a negative one."""
    later = (key > query) if causal else torch.zeros_like(key > query)
    return later if window is None else later | ((key >= 0) & (key <= query - window))
