"""LoRA against its equation, written out with dense matrices."""

from __future__ import annotations

import math

import models
import torch

from pelt_core.modules.weights import LoRA
from pelt_core.sites import sites


def lora(**arguments: float) -> LoRA:
    (site,) = sites(models.tiny("llama"), ("v",), [0])  # 32 -> 16
    torch.manual_seed(0)
    return LoRA(site, **arguments)  # type: ignore[arg-type]


def test_it_adds_a_low_rank_map_of_the_input() -> None:
    module, x = lora(rank=4, alpha=6.0), torch.randn(2, 3, 32)
    torch.nn.init.normal_(module.B)
    assert module.A.shape == (4, 32) and module.B.shape == (16, 4)
    change = 6 / 4 * module.B @ module.A
    torch.testing.assert_close(module.weight(), change)
    torch.testing.assert_close(module(x, torch.full((2, 3, 16), torch.nan)), x @ change.T)
    assert torch.linalg.matrix_rank(change) == 4


def test_a_new_one_adds_nothing_and_learns_at_once() -> None:
    module, x = lora(), torch.randn(2, 3, 32)
    assert not module(x, x).any() and module.scale == 2
    bound = 1 / math.sqrt(32)  # Kaiming-uniform with a = sqrt(5)
    assert 0.9 * bound < module.A.abs().max() <= bound
    module(x, x).sum().backward()
    assert module.B.grad is not None and module.B.grad.any()


def test_dropout_acts_on_the_input_in_training_only() -> None:
    module, x = lora(rank=2, dropout=0.5), torch.ones(1, 1, 32)
    torch.nn.init.ones_(module.B)
    assert torch.equal(module.eval()(x, x), module(x, x))
    torch.manual_seed(1)
    dropped = module.train()(x, x)
    torch.manual_seed(1)
    kept = torch.nn.functional.dropout(x, 0.5)
    assert 0 < (kept == 0).sum() < 32
    torch.testing.assert_close(dropped, kept @ module.weight().T)
