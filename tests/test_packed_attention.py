"""The three ways to attend within packed rows, against the formula of each row alone."""

from __future__ import annotations

import itertools
import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from pelt_core import packed_attention as kernels
from pelt_core.packed_attention import Rows, all_at_once, packed_attention, row_by_row, variable_length
from pelt_core.packing import Packing

LENGTHS = (5, 1, 9, 3)
PACKING = Packing(LENGTHS, 9)
HEADS, DIM = 4, 8


def drawn(virtual: int, groups: int = HEADS, packing: Packing = PACKING) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    keys = packing.total + packing.rows * virtual
    sizes = ((HEADS, packing.total), (groups, keys), (groups, keys))
    q, k, v = (torch.randn(1, *size, DIM, generator=generator).requires_grad_() for size in sizes)
    return q, k, v


def drawn_bias(keys: int) -> Tensor:
    """For the first keys of each row, one of them hidden from one query."""
    bias = torch.randn(1, 1, PACKING.total, keys, generator=torch.Generator().manual_seed(1))
    bias[0, 0, 3, 0] = torch.finfo(torch.float32).min
    return bias.requires_grad_()


def expected(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, rows: Rows, scaling: float | None = None
) -> Tensor:
    """`softmax(s Q K^T + M) V` in fp64, a query of a row at a time."""
    out, start, start_of_keys = [], 0, 0
    repeats = query.shape[1] // key.shape[1]
    q, k, v = query[0].double(), *(t[0].double().repeat_interleave(repeats, 0) for t in (key, value))
    scaling = 1 / math.sqrt(DIM) if scaling is None else scaling
    for length in rows.packing.lengths:
        for t in range(length):
            last = t if rows.causal else length - 1
            first = 0 if rows.window is None else max(0, t - rows.window + 1)
            seen = [*range(rows.virtual), *(rows.virtual + i for i in range(first, last + 1))]
            scores = scaling * torch.einsum("hd,hkd->hk", q[:, start + t], k[:, start_of_keys:][:, seen])
            if bias is not None:
                m = bias[0, 0, start + t].double()
                scores = scores + torch.stack([m[i] if i < len(m) else m.new_zeros(()) for i in seen])
            out.append(torch.einsum("hk,hkd->hd", scores.softmax(-1), v[:, start_of_keys:][:, seen]))
        start, start_of_keys = start + length, start_of_keys + length + rows.virtual
    return torch.stack(out).unsqueeze(0).float()


def agree(found: Tensor, formula: Tensor, inputs: list[Tensor]) -> None:
    """The same values and the same gradients of all that went in."""
    torch.testing.assert_close(found, formula, atol=1e-5, rtol=1e-5)
    weight = torch.randn(formula.shape, generator=torch.Generator().manual_seed(2))
    gradients = [torch.autograd.grad((y * weight).sum(), inputs) for y in (found, formula)]
    torch.testing.assert_close(*gradients, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("attend", [row_by_row, all_at_once])
@pytest.mark.parametrize(
    ("virtual", "biased", "causal", "window", "groups"),
    [
        (virtual, biased, causal, window, groups)
        for virtual, biased, (causal, window), groups in itertools.product(
            (0, 3), (0, 2, 3), ((True, None), (True, 2), (False, None)), (4, 2)
        )
        if biased <= virtual
    ],
)
def test_every_kind_of_mask(
    attend: Any, virtual: int, biased: int, causal: bool, window: int | None, groups: int
) -> None:
    q, k, v = drawn(virtual, groups)
    rows, bias = Rows(PACKING, virtual, causal, window), drawn_bias(biased) if biased else None
    inputs = [q, k, v] + ([] if bias is None else [bias])
    found = attend(q, k, v, bias, rows, None, 0.0)
    assert found.shape == (1, PACKING.total, HEADS, DIM)
    agree(found, expected(q, k, v, bias, rows), inputs)


@pytest.mark.parametrize("attend", [row_by_row, all_at_once])
def test_scores_are_scaled_as_asked(attend: Any) -> None:
    q, k, v = drawn(0)
    rows = Rows(PACKING, 0, True, None)
    agree(attend(q, k, v, None, rows, 0.7, 0.0), expected(q, k, v, None, rows, 0.7), [q, k, v])


@pytest.mark.parametrize("attend", [row_by_row, all_at_once])
def test_dropout_leaves_the_mean(attend: Any) -> None:
    q, k, v = (t.detach() for t in drawn(2))
    rows = Rows(PACKING, 2, True, None)
    torch.manual_seed(0)
    draws = torch.stack([attend(q, k, v, None, rows, None, 0.3) for _ in range(3000)])
    assert draws.std(0).max() > 0.1
    torch.testing.assert_close(draws.mean(0), expected(q, k, v, None, rows), atol=0.15, rtol=0)


def test_a_row_longer_than_the_steps_of_the_masks() -> None:
    packing = Packing((70, 130), 130)
    q, k, v = drawn(2, packing=packing)
    rows = Rows(packing, 2, True, 65)
    agree(row_by_row(q, k, v, None, rows, None, 0.0), all_at_once(q, k, v, None, rows, None, 0.0), [q, k, v])


def test_a_mask_first_made_without_gradients_serves_training() -> None:
    kernels._seen.cache_clear()
    q, k, v = drawn(2)
    rows = Rows(PACKING, 2, True, None)
    with torch.inference_mode():
        row_by_row(q, k, v, None, rows, None, 0.0)
    row_by_row(q, k, v, drawn_bias(2), rows, None, 0.0).sum().backward()
    assert q.grad is not None


@pytest.mark.parametrize("attend", [row_by_row, all_at_once])
@pytest.mark.parametrize(
    ("virtual", "biased", "window"), [(0, 0, None), (3, 0, None), (3, 2, None), (3, 3, 4), (0, 0, 4)]
)
def test_what_rows_share_is_seen_by_all_of_them(attend: Any, virtual: int, biased: int, window: int | None) -> None:
    alike = Packing((7, 5, 9), 9, shared=4)
    apart = Packing(alike.lengths, alike.width)
    generator = torch.Generator().manual_seed(0)
    text, keys = alike.total, alike.lengthened(virtual).total
    q, k, v = (
        torch.randn(1, h, n, DIM, generator=generator).requires_grad_() for h, n in ((4, text), (2, keys), (2, keys))
    )
    bias = torch.randn(1, 1, text, biased, generator=generator).requires_grad_() if biased else None

    def repeated(states: Tensor, virtual: int) -> Tensor:
        padded = alike.lengthened(virtual).unpack(states.transpose(1, 2))
        return apart.lengthened(virtual).pack(padded).transpose(1, 2)

    found = attend(q, k, v, bias, Rows(alike, virtual, True, window), None, 0.0)
    each = (repeated(q, 0), repeated(k, virtual), repeated(v, virtual), None if bias is None else repeated(bias, 0))
    plain = attend(*each, Rows(apart, virtual, True, window), None, 0.0)
    agree(alike.unpack(found), apart.unpack(plain), [q, k, v] + ([] if bias is None else [bias]))


# Flash attention


def documented(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    cu_seq_q: Tensor,
    cu_seq_k: Tensor,
    max_q: int,
    max_k: int,
    *,
    scale: float | None = None,
    window_size: tuple[int, int] = (-1, -1),
    enable_gqa: bool = False,
) -> Tensor:
    """`torch.nn.attention.varlen.varlen_attn` as flash attention documents it.

    Query `i` of `n` sees key `j` of `m` if `i + m - n - left <= j <= i + m - n + right`; -1 stands for no bound.
    """
    assert cu_seq_q.dtype is cu_seq_k.dtype is torch.int32
    assert query.dim() == 3 and enable_gqa is (query.shape[1] != key.shape[1])
    out = []
    for (a, b), (c, d) in zip(
        itertools.pairwise(cu_seq_q.tolist()), itertools.pairwise(cu_seq_k.tolist()), strict=True
    ):
        assert 0 < b - a <= max_q and 0 < d - c <= max_k
        q, k, v = (t.transpose(0, 1).unsqueeze(0) for t in (query[a:b], key[c:d], value[c:d]))
        i, j = torch.arange(b - a).unsqueeze(1) + (d - c) - (b - a), torch.arange(d - c)
        left, right = window_size
        seen = ((j >= i - left) | (left < 0)) & ((j <= i + right) | (right < 0))
        heads = torch.nn.functional.scaled_dot_product_attention(q, k, v, seen, scale=scale, enable_gqa=enable_gqa)
        out.append(heads[0].transpose(0, 1))
    return torch.cat(out)


@pytest.mark.parametrize("groups", [4, 2])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("virtual", [0, 3])
def test_flash_attention_is_told_where_the_rows_are(
    virtual: int, causal: bool, groups: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []

    def flash(*args: Any, **kwargs: Any) -> Tensor:
        told.append((args[3].tolist(), args[4].tolist(), args[5:], kwargs["window_size"]))
        return documented(*args, **kwargs)

    monkeypatch.setattr(kernels, "varlen_attn", flash)
    q, k, v = drawn(virtual, groups)
    rows = Rows(PACKING, virtual, causal, None)
    found = variable_length(q, k, v, rows, None)
    agree(found, expected(q, k, v, None, rows), [q, k, v])
    ends = [0, 5, 6, 15, 18]
    behind = [end + virtual * row for row, end in enumerate(ends)]
    assert told == [(ends, behind, (9, 9 + virtual), (-1, 0 if causal else -1))]


# Which of them


class OnAnother:
    """The shape and the type of a query, as if it were on another device."""

    def __init__(self, device: str, dtype: torch.dtype) -> None:
        self.device, self.dtype, self.is_cuda = torch.device(device), dtype, device == "cuda"


@pytest.mark.parametrize(
    ("device", "dtype", "given", "kernel"),
    [
        ("cpu", torch.float32, {}, "row_by_row"),
        ("cpu", torch.bfloat16, {"dropout": 0.1}, "row_by_row"),
        ("cuda", torch.bfloat16, {}, "variable_length"),
        ("cuda", torch.float16, {"sliding_window": 9}, "variable_length"),  # no row is longer
        ("cuda", torch.bfloat16, {"sliding_window": 8, "is_causal": False}, "variable_length"),
        ("cuda", torch.float32, {}, "all_at_once"),
        ("cuda", torch.bfloat16, {"dropout": 0.1}, "all_at_once"),
        ("cuda", torch.bfloat16, {"sliding_window": 8}, "all_at_once"),
        ("cuda", torch.bfloat16, {"attention_mask": torch.zeros(1, 1, 18, 2)}, "all_at_once"),
        ("mps", torch.bfloat16, {}, "all_at_once"),
    ],
)
def test_the_kernel_follows_the_device_and_what_it_must_do(
    device: str, dtype: torch.dtype, given: dict[str, Any], kernel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[tuple[str, Rows]] = []
    for name in ("row_by_row", "all_at_once", "variable_length"):
        monkeypatch.setattr(
            kernels, name, lambda *args, name=name: called.append((name, next(a for a in args if isinstance(a, Rows))))
        )
    given = {"attention_mask": None, "is_causal": True} | given
    module: Any = SimpleNamespace(is_causal=given.pop("is_causal"))
    query: Any = OnAnother(device, dtype)
    key = torch.zeros(1, 2, PACKING.total + 2 * PACKING.rows, DIM)
    packed_attention(module, query, key, key, packing=PACKING, **given)
    window = 8 if given.get("sliding_window") == 8 and module.is_causal else None
    assert called == [(kernel, Rows(PACKING, 2, module.is_causal, window))]


@pytest.mark.parametrize("causal", [True, False])
def test_a_module_says_whether_it_is_causal(causal: bool) -> None:
    q, k, v = drawn(0)
    module: Any = SimpleNamespace(is_causal=causal)
    found, weights = packed_attention(module, q, k, v, None, PACKING, sliding_window=2, position_ids=None)
    rows = Rows(PACKING, 0, causal, 2 if causal else None)
    agree(found, expected(q, k, v, None, rows), [q, k, v])
    assert weights is None
