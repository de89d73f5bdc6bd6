"""Attention within the rows of a packed batch."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention.varlen import varlen_attn

from pelt_core.packing import Packing

_STEP = 64  # masks are made for a length rounded up to this, so that few are


class Rows(NamedTuple):
    """Which keys the queries of a packed batch see.

    Attributes:
        packing: of the queries.
        virtual: keys in front of each row's own, which all of its queries see.
        causal: whether a query sees no later key of its row.
        window: how many of the last keys of its row a causal query sees, itself among them; `None` for all.

    """

    packing: Packing
    virtual: int
    causal: bool
    window: int | None


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
        key: `(1, key-value heads, total + rows * n, head_dim)`.
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
    virtual = (key.shape[2] - packing.total) // packing.rows
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
    lengths = list(rows.packing.lengths)
    longer = [length + rows.virtual for length in lengths]
    alone = rows.causal and not rows.virtual and rows.window is None and bias is None
    free = not rows.causal and bias is None
    mask = None if alone or free else _seen(_rounded(lengths), rows.virtual, rows.causal, rows.window, query.dtype)
    biases: Any = [None] * len(lengths) if bias is None else bias.to(query.dtype).split(lengths, 2)
    heads = []
    for q, k, v, b in zip(query.split(lengths, 2), key.split(longer, 2), value.split(longer, 2), biases, strict=True):
        seen = None if mask is None else mask[: q.shape[2], : k.shape[2]]
        if b is not None and seen is not None:
            seen = seen + F.pad(b, (0, k.shape[2] - b.shape[3]))
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
    queries, keys = rows.packing, rows.packing.lengthened(rows.virtual)
    heads = varlen_attn(
        query[0].transpose(0, 1),
        key[0].transpose(0, 1),
        value[0].transpose(0, 1),
        queries.ends(query.device),
        keys.ends(query.device),
        max(queries.lengths),
        max(keys.lengths),
        scale=scaling,
        window_size=(-1, 0 if rows.causal else -1),
        enable_gqa=_grouped(query, key),
    )
    assert isinstance(heads, Tensor)
    return heads.unsqueeze(0)


def _grouped(query: Tensor, key: Tensor) -> bool:
    return query.shape[1] != key.shape[1]


def _rounded(lengths: list[int]) -> int:
    return -(-max(lengths) // _STEP) * _STEP


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # a backward pass may come to need it
def _seen(queries: int, virtual: int, causal: bool, window: int | None, dtype: torch.dtype) -> Tensor:
    """0 where a query of one row sees a key and -inf where not, `(queries, virtual + queries)`."""
    positions = torch.arange(queries)
    hidden = _hidden(positions.unsqueeze(1), torch.arange(-virtual, queries), causal, window)
    return torch.zeros(hidden.shape, dtype=dtype).masked_fill(hidden, float("-inf"))


@lru_cache(maxsize=1)
def _blocks(rows: Rows, device: torch.device) -> Tensor:
    """Which query sees which key of the whole packed batch, `(total, total + rows * virtual)`."""
    queries, keys = rows.packing.places(device), rows.packing.lengthened(rows.virtual).places(device)
    hidden = _hidden(queries.position.unsqueeze(1), keys.position - rows.virtual, rows.causal, rows.window)
    return (queries.row.unsqueeze(1) == keys.row) & ~hidden


def _hidden(query: Tensor, key: Tensor, causal: bool, window: int | None) -> Tensor:
    """Whether a query does not see a key of its row, by their positions; a virtual key has a negative one."""
    later = (key > query) if causal else torch.zeros_like(key > query)
    return later if window is None else later | ((key >= 0) & (key <= query - window))
