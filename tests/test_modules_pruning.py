"""Diff pruning against the distribution that it draws from, and the sparse change that it leaves."""

from __future__ import annotations

import math
from pathlib import Path

import models
import torch

from pelt_core import checkpoint
from pelt_core.attachment import attach, attached
from pelt_core.folding import fold
from pelt_core.modules.pruning import DiffPruning, Sparse
from pelt_core.sites import Site, sites

(SITE,) = sites(models.tiny("llama"), ("v",), [0])  # 32 -> 16
(WIDE,) = sites(models.tiny("llama"), ("up",), [0])  # 32 -> 48


def diff(a: float = 5.0, site: Site = SITE, **arguments: float) -> DiffPruning:
    torch.manual_seed(0)
    module = DiffPruning(site, **arguments)
    torch.nn.init.constant_(module.a, a)
    torch.nn.init.normal_(module.w)
    return module


def test_in_evaluation_the_stretched_gate_is_without_noise() -> None:
    x = torch.randn(2, 3, 32)
    for a, z in ((5.0, 1.0), (-5.0, 0.0), (0.3, 3 / (1 + math.exp(-0.3)) - 1.5)):
        module = diff(a).eval()
        torch.testing.assert_close(module(x, x), x @ (z * module.w).T)
        torch.testing.assert_close(module.weight_change(module.w, None), (z * module.w, None))


def test_in_training_every_entry_is_drawn_by_itself() -> None:
    module = diff(0.3, site=WIDE).train()
    torch.nn.init.ones_(module.w)
    columns = torch.eye(32).unsqueeze(0)  # reads out the weight
    torch.manual_seed(0)
    z = torch.cat([module(columns, columns).flatten() for _ in range(20)])
    assert ((z >= 0) & (z <= 1)).all()
    # P(z > 0) = P(sigma(0.3 + L) > 1/2) and P(z = 1) = P(sigma(0.3 + L) > 5/6), L logistic
    for found, logit in (((z > 0), 0.3), ((z == 1), 0.3 - math.log(5))):
        expected = 1 / (1 + math.exp(-logit))
        assert abs(found.float().mean() - expected) < 4 * math.sqrt(expected * (1 - expected) / len(z))


def test_the_penalty_is_the_expected_number_of_entries() -> None:
    module = diff(0.3, l0=0.01)
    expected = 0.01 * 16 * 32 / (1 + math.exp(-0.3))
    torch.testing.assert_close(module.penalty(), torch.tensor(expected))
    module.penalty().backward()
    assert module.a.grad is not None and (module.a.grad > 0).all(), "it does not push towards fewer entries"


def test_a_new_one_adds_nothing_and_learns_at_once() -> None:
    module, x = DiffPruning(SITE), torch.randn(2, 3, 32)
    assert not module(x, x).any() and (module.a == 5).all()
    module(x, x).sum().backward()
    assert module.w.grad is not None and module.w.grad.any()


def test_folding_keeps_the_largest_entries() -> None:
    module = diff(fraction=0.1)
    torch.nn.init.normal_(module.a)
    dense, kept = module.weight(), module.fold()
    assert isinstance(kept, Sparse) and len(kept.values) == round(0.1 * 16 * 32) == 51
    sparse = kept.weight()
    there = sparse != 0
    assert there.sum() == 51
    assert torch.equal(sparse[there], dense[there])
    assert dense[there].abs().min() >= dense[~there].abs().max()


def test_a_sparse_change_adds_its_entries_alone_and_learns_them() -> None:
    module, x = Sparse(SITE, fraction=0.01), torch.randn(2, 3, 32)
    assert module.values.shape == (5,) and not module(x, x).any()
    assert len(set(module.index.tolist())) == 5 and max(module.index) < 16 * 32
    module(x, x).sum().backward()
    assert module.values.grad is not None and module.values.grad.all()
    torch.nn.init.ones_(module.values)
    expected = torch.zeros(16, 32)
    for place in module.index.tolist():
        expected[place // 32, place % 32] = 1
    assert torch.equal(module.weight(), expected)
    assert len(Sparse(SITE, fraction=1e-6).values) == 1


def test_what_is_left_of_a_trained_model_can_be_saved_small_and_loaded(tmp_path: Path) -> None:
    model, inputs = models.grown("llama", "diff(fraction=0.02)@q,down"), models.batch("llama")
    before = checkpoint.trained_state(model)
    fold(model)
    assert str(attached(model).method) == "sparse(fraction=0.02)@q,down"
    state = checkpoint.trained_state(model)
    numbers = [sum(t.numel() for name, t in each.items() if t.is_floating_point()) for each in (before, state)]
    assert numbers[1] <= 0.011 * numbers[0]
    expected = model(**inputs).logits
    checkpoint.save(model, tmp_path)
    other = models.tiny("llama")
    checkpoint.load(other, tmp_path)
    assert torch.equal(other(**inputs).logits, expected)
    fresh = models.tiny("llama")
    attach(fresh, "sparse(fraction=0.02)@q,down")
    places = [graft.delta.index for graft in attached(fresh).all_grafts()]
    assert not all(map(torch.equal, places, [graft.delta.index for graft in attached(other).all_grafts()]))
