"""Prefilling: the cache of one plain pass, at less work. That it serves every method is in the test of decoding."""

import pytest
import torch
from models import grown, tiny
from torch import Tensor

from pelt_core import prefill as module
from pelt_core.cache import RoomyCache
from pelt_core.prefill import extend, positions_of, prefill
from pelt_core.prompt_end import prompt_ends

IDS = torch.randint(4, 260, (5, 9), generator=torch.Generator().manual_seed(1))
LENGTHS = (9, 7, 7, 4, 3)


def batch(shared: int) -> tuple[Tensor, Tensor]:
    """Rows padded on the left that begin with the same tokens, so many of them."""
    rows = [torch.cat([IDS[0, :shared], ids[shared:length]]) for ids, length in zip(IDS, LENGTHS, strict=True)]
    ids = torch.stack([torch.nn.functional.pad(row, (9 - len(row), 0)) for row in rows])
    return ids, (torch.arange(9) >= 9 - torch.tensor(LENGTHS)[:, None]).long()


@torch.inference_mode()
def one_pass(model, ids: Tensor, mask: Tensor) -> RoomyCache:
    cache = RoomyCache()
    extend(model, cache, ids, mask)
    return cache


@pytest.mark.parametrize(
    "spec", ["none", "prompt(tokens=2)+prefix(tokens=3)", "prompt*lora@q,v", "ladder(reduction=2)"]
)
@pytest.mark.parametrize("shared", [0, 1, 3])
@pytest.mark.parametrize("tokens", [1, 8, 1000])
def test_fills_the_cache_of_one_pass(spec, shared, tokens, monkeypatch) -> None:
    monkeypatch.setattr(module, "_TOKENS", tokens)
    model, (ids, mask) = grown("llama", spec), batch(shared)
    with torch.inference_mode(), prompt_ends(model, 12):
        found, expected = prefill(model, ids, mask), one_pass(model, ids, mask)
    assert len(found.layers) == len(expected.layers) > 1
    virtual = expected.get_seq_length() - 9
    real = torch.nn.functional.pad(mask, (virtual, 0), value=1).bool()
    for one, other in zip(found.layers, expected.layers, strict=True):
        pairs = [(one.sums[gate], sums) for gate, sums in other.sums.items()] if hasattr(other, "sums") else []
        pairs += [] if hasattr(other, "sums") else [(one.keys, other.keys), (one.values, other.values)]
        for here, there in pairs:
            torch.testing.assert_close(here.transpose(1, -2)[real], there.transpose(1, -2)[real], atol=1e-5, rtol=1e-5)


def test_what_all_rows_begin_with_is_computed_once_and_padding_hardly(monkeypatch) -> None:
    model, (ids, mask), shapes = tiny("llama"), batch(3), []
    model.model.register_forward_pre_hook(
        lambda m, args, kwargs: shapes.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    monkeypatch.setattr(module, "_TOKENS", 8)
    with torch.inference_mode():
        prefill(model, ids, mask)
    assert shapes == [(1, 3), (1, 6), (2, 4), (2, 1)]


def test_the_head_sees_nothing() -> None:
    model, (ids, mask) = tiny("llama"), batch(3)
    model.lm_head.register_forward_hook(lambda *_: pytest.fail("the head was computed"))
    with torch.inference_mode():
        prefill(model, ids, mask)


@torch.inference_mode()
def test_nothing_to_fill() -> None:
    empty = torch.zeros(2, 0, dtype=torch.long)
    assert prefill(tiny("llama"), empty, empty).get_seq_length() == 0


def test_positions_are_told_to_those_that_take_them() -> None:
    mask = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]])
    assert positions_of(tiny("llama"), mask, 2)["position_ids"].tolist() == [[1, 2], [3, 4]]
    assert positions_of(tiny("bloom"), mask, 2) == {}
