"""SAID against its random projection, formed."""

from __future__ import annotations

import math

import models
import pytest
import torch
from scipy.linalg import hadamard as dense_hadamard
from torch import Tensor

from pelt_core.attachment import attach, attached
from pelt_core.modules.intrinsic import Fastfood, Said, hadamard
from pelt_core.sites import sites

SITES = sites(models.tiny("llama"), ("q", "v", "down"))


def said(number: int, dimension: int, seed: int = 1) -> Said:
    return Said(SITES[number], Fastfood(SITES, dimension, seed), dimension, seed)


def projection(module: Said, dimension: int) -> Tensor:
    """`P` of `(d_out d_in, dimension)`, from `H`, `G`, `Pi` and `B` as matrices."""
    n = len(module.common.signs)
    H, B = torch.tensor(dense_hadamard(n), dtype=torch.float32), torch.diag(module.common.signs)
    Pi = torch.eye(n)[module.common.permutation]
    P = torch.cat([H @ torch.diag(row) @ Pi @ H @ B for row in module.G])
    size = math.prod(module.shape)
    return P[:size, :dimension] / math.sqrt(size * n)


@pytest.mark.parametrize("n", [1, 2, 8, 64])
def test_the_fast_transform_is_that_of_the_matrix(n: int) -> None:
    x = torch.randn(3, n)
    torch.testing.assert_close(hadamard(x), x @ torch.tensor(dense_hadamard(n), dtype=torch.float32))


@pytest.mark.parametrize("dimension", [1, 12, 16, 100])
@pytest.mark.parametrize("number", [0, 1, 2])  # 32 x 32, 16 x 32, 32 x 48
def test_it_adds_the_projection_of_one_vector(number: int, dimension: int) -> None:
    module, x = said(number, dimension), torch.randn(2, 3, SITES[number].d_in)
    torch.nn.init.normal_(module.common.theta)
    torch.nn.init.constant_(module.scale, 0.7)
    P = projection(module, dimension)
    change = 0.7 * (P @ module.common.theta).view(SITES[number].d_out, -1)
    torch.testing.assert_close(module(x, x), x @ change.T, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(module.weight_change(change, None)[0], change, atol=1e-6, rtol=1e-5)
    module(x, x).square().sum().backward()
    (expected,) = torch.autograd.grad((x @ change.T).square().sum(), module.common.theta)
    torch.testing.assert_close(module.common.theta.grad, expected, atol=1e-4, rtol=1e-4)


def test_the_projection_is_random_and_keeps_lengths() -> None:
    P = projection(said(0, 64), 64)
    torch.testing.assert_close(P.norm(dim=0), torch.ones(64), atol=0.15, rtol=0)
    off = P.T @ P - torch.diag(P.square().sum(0))
    assert off.abs().max() < 0.25
    assert not torch.equal(projection(said(0, 64, seed=2), 64), P)
    assert not torch.equal(said(3, 64).G, said(0, 64).G), "two layers have the same projection"


def test_all_sites_share_one_vector_and_each_has_a_scale() -> None:
    model = models.tiny("llama")
    attach(model, "said(dimension=20)@q,v,down")
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 20 + len(SITES)
    assert len({id(graft.delta.common.theta) for graft in attached(model).all_grafts()}) == 1


def test_a_new_one_adds_nothing_and_learns_at_once() -> None:
    module, x = said(0, 20), torch.randn(2, 3, 32)
    assert not module(x, x).any() and module.scale == 1
    module(x, x).sum().backward()
    assert module.common.theta.grad is not None and module.common.theta.grad.all()


def test_the_projection_depends_on_its_own_seed_alone() -> None:
    models_ = [models.tiny("llama") for _ in range(2)]
    for seed, model in enumerate(models_):
        torch.manual_seed(seed)
        attach(model, "said(dimension=20)@q", seed=seed)
        torch.nn.init.ones_(attached(model).all_grafts()[0].delta.common.theta)
    inputs = models.batch("llama")
    assert torch.equal(models_[0](**inputs).logits, models_[1](**inputs).logits)


def test_the_caller_s_default_type_changes_nothing() -> None:
    expected = said(0, 20)
    torch.set_default_dtype(torch.bfloat16)
    try:
        found = said(0, 20)
    finally:
        torch.set_default_dtype(torch.float32)
    for one, other in zip((found.G, *found.common.buffers()), (expected.G, *expected.common.buffers()), strict=True):
        assert one.dtype is other.dtype and torch.equal(one, other)
