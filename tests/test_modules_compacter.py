"""Compacter against the Kronecker products that it does not form."""

from __future__ import annotations

import models
import pytest
import torch
from torch import Tensor, nn

from pelt_core.attachment import attach, attached
from pelt_core.modules.compacter import Compacter, Hypercomplex, HypercomplexError
from pelt_core.sites import sites


def weight(linear: Hypercomplex, A: Tensor) -> Tensor:
    return sum(torch.kron(A_i, s_i @ t_i) for A_i, s_i, t_i in zip(A, linear.s, linear.t, strict=True))


@pytest.mark.parametrize("rank", [1, 3])
def test_a_projection_is_a_sum_of_kronecker_products(rank: int) -> None:
    linear, A, h = Hypercomplex(12, 20, 4, rank), torch.randn(4, 4, 4), torch.randn(2, 3, 12)
    nn.init.normal_(linear.b)
    assert weight(linear, A).shape == (20, 12)
    torch.testing.assert_close(linear(h, A), h @ weight(linear, A).T + linear.b)
    assert linear(h.bfloat16(), A).dtype is torch.bfloat16


def test_the_adapter_reads_what_was_written() -> None:
    found = sites(models.tiny("llama"), ("mlp",))
    common = Compacter.Common(found, reduction=4, n=2, rank=1, activation="gelu")
    adapter = Compacter(found[0], common, reduction=4, n=2)
    nn.init.normal_(adapter.A)
    x, y = torch.randn(2, 3, 32), torch.randn(2, 3, 32)
    z = nn.functional.gelu(y @ weight(adapter.down, adapter.A).T)
    torch.testing.assert_close(adapter(x, y), z @ weight(adapter.up, adapter.A).T)


def test_the_start_is_that_of_the_paper() -> None:
    found = sites(models.tiny("llama"), ("mlp",))
    torch.manual_seed(0)
    A = Compacter.Common(found, n=16).A
    assert A.shape == (16, 16, 16) and 0.0095 < A.std() < 0.0105
    linear = Hypercomplex(4096, 2048, 4, 1)
    for factor in (*linear.s, *linear.t):
        bound = (6 / sum(factor.shape)) ** 0.5
        assert 0.99 * bound < factor.abs().max() <= bound
    assert not linear.b.any()


def test_all_sites_share_the_matrices_and_the_count_is_the_papers() -> None:
    model, n, rank, d, m = models.tiny("bert"), 4, 2, 32, 8
    attachment = attach(model, "compacter(reduction=4,rank=2)")
    deltas = [graft.delta for graft in attached(model).all_grafts()]
    assert len(deltas) == 4 and len({id(delta.A) for delta in deltas}) == 1
    assert sum(p.numel() for p in attachment.parameters()) == n**3 + 4 * (2 * rank * (m + d) + m + d)


@pytest.mark.parametrize(("arguments", "bottleneck"), [({}, 4), ({"reduction": 3}, 12), ({"reduction": 4}, 8)])
def test_the_bottleneck_is_rounded_up_to_whole_blocks(arguments: dict[str, int], bottleneck: int) -> None:
    found = sites(models.tiny("llama"), ("mlp",))
    assert len(Compacter(found[0], Compacter.Common(found, n=4), **arguments).down.b) == bottleneck


def test_a_width_that_cannot_be_cut_is_refused() -> None:
    with pytest.raises(HypercomplexError, match="5 does not divide 32: choose n so that it does") as caught:
        attach(models.tiny("llama"), "compacter(n=5)")
    attach(models.tiny("llama"), f"compacter({str(caught.value).rpartition('for instance ')[2]})")
