"""LoRA and DoRA against their equations, written out with dense matrices."""

from __future__ import annotations

import math

import models
import pytest
import torch
from torch import nn

from pelt_core.attachment import attach, attached
from pelt_core.modules.weights import DoRA, LoRA
from pelt_core.sites import sites

(SITE,) = sites(models.tiny("llama"), ("v",), [0])  # 32 -> 16


def lora(**arguments: float) -> LoRA:
    torch.manual_seed(0)
    return LoRA(SITE, **arguments)  # type: ignore[arg-type]


def dora(host: nn.Linear, **arguments: float) -> DoRA:
    torch.manual_seed(0)
    module = DoRA(SITE, **arguments)  # type: ignore[arg-type]
    module.start(host)
    return module


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


def test_its_gradients_are_those_of_the_matrix_written_out() -> None:
    module, x = lora(rank=4, alpha=6.0).double(), torch.randn(2, 3, 32, dtype=torch.double, requires_grad=True)
    nn.init.normal_(module.B)
    weights = torch.linspace(-1, 1, 16, dtype=torch.double)
    inputs = (x, module.A, module.B)
    found = torch.autograd.grad((module(x, x) * weights).sum(), inputs)
    expected = torch.autograd.grad((x @ (6 / 4 * module.B @ module.A).T * weights).sum(), inputs)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


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


def test_a_stabilised_scale_falls_with_the_root_of_the_rank() -> None:
    assert LoRA(SITE, rank=16, alpha=8, scaling="sqrt-rank").scale == 2
    assert LoRA(SITE, rank=16, alpha=8).scale == 0.5


def test_dora_has_rows_of_the_length_m_and_the_direction_of_the_changed_weight() -> None:
    host, x = nn.Linear(32, 16), torch.randn(2, 3, 32)
    module, y = dora(host, rank=4, alpha=6.0), host(x)
    torch.testing.assert_close(module.m.data, host.weight.norm(dim=1))
    assert not module(x, y, host).any(), "it acts from the start"
    nn.init.normal_(module.B)
    module.m.data *= torch.linspace(0.5, 2, 16)
    changed = host.weight + 6 / 4 * module.B @ module.A
    merged = module.m.unsqueeze(1) * nn.functional.normalize(changed, dim=1)
    torch.testing.assert_close(y + module(x, y, host), x @ merged.T + host.bias, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(host.weight + module.weight_change(host.weight, host.bias)[0], merged)


def test_the_length_is_a_constant_to_the_gradient_of_dora() -> None:
    host, x = nn.Linear(32, 16), torch.randn(2, 3, 32)
    module, y = dora(host, rank=4), host(x)
    nn.init.normal_(module.B)
    module(x, y, host).sum().backward()
    length = (host.weight + 4 * module.B @ module.A).norm(dim=1).detach()
    change = ((module.m / length) * (x @ (host.weight + 4 * module.B @ module.A).T)).sum()
    for found, expected in zip(
        (module.m.grad, module.A.grad, module.B.grad),
        torch.autograd.grad(change, (module.m, module.A, module.B)),
        strict=True,
    ):
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_dropout_acts_on_all_that_dora_reads() -> None:
    host, x = nn.Linear(32, 16), torch.ones(1, 1, 32)
    module = dora(host, rank=2, dropout=0.5)
    module.m.data *= 3
    torch.manual_seed(1)
    dropped = module.train()(x, host(x), host)
    torch.manual_seed(1)
    kept = nn.functional.dropout(x, 0.5)
    torch.testing.assert_close(dropped, 2 * kept @ host.weight.T)


@pytest.mark.filterwarnings("error")
def test_a_row_of_zeros_stays_one() -> None:
    host = nn.Linear(32, 16)
    host.weight.data[3] = 0
    module, x = dora(host), torch.randn(2, 3, 32)
    change = module(x, host(x), host)
    assert not change.any()
    change.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


@torch.no_grad()
def test_a_small_change_of_the_length_is_not_lost_over_bf16() -> None:
    model, inputs = models.tiny("llama").bfloat16(), models.batch("llama")
    before = model(**inputs).logits
    attach(model, "dora@q,v,o,up,down")
    assert torch.equal(model(**inputs).logits, before)
    for graft in attached(model).all_grafts():
        graft.delta.m *= 1.003
    assert not torch.equal(model(**inputs).logits, before)
    host, x = nn.Linear(32, 16, bias=False), torch.randn(2, 3, 32).bfloat16()
    module = dora(host.bfloat16())
    module.m *= 1.001
    torch.testing.assert_close(module(x, host(x), host), 0.001 * host(x), atol=0, rtol=0.01)
