from __future__ import annotations

import pytest
import torch

from pelt_core.drawing import drawn_from


def test_it_draws_what_torch_draws_from_the_seed_and_leaves_torch_as_it_was() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    before = torch.get_rng_state()
    with drawn_from(5):
        assert torch.equal(torch.rand(3), expected)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_random_states_of_accelerators_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seeded: list[int] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    torch.manual_seed(1)
    assert seeded == [1], "torch seeds them too"
    with drawn_from(2):
        torch.rand(3)
    assert seeded == [1]


def test_it_draws_in_fp32_on_the_cpu_whatever_the_caller_s_defaults() -> None:
    torch.set_default_dtype(torch.bfloat16)
    try:
        with drawn_from(0), pytest.raises(ZeroDivisionError):
            assert torch.rand(3).dtype is torch.float32
            raise ZeroDivisionError
        assert torch.get_default_dtype() is torch.bfloat16
    finally:
        torch.set_default_dtype(torch.float32)
    with torch.device("meta"):
        with drawn_from(0):
            assert torch.rand(3).is_meta
        assert torch.rand(3).is_meta
