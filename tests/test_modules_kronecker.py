"""KronA against the Kronecker product, formed."""

from __future__ import annotations

from dataclasses import replace

import models
import pytest
import torch

from pelt_core.modules.kronecker import KronA
from pelt_core.sites import sites

(SITE,) = sites(models.tiny("llama"), ("v",), [0])


@pytest.mark.parametrize(
    ("d_in", "d_out", "factor", "left", "right"),
    [
        (32, 16, 4, (4, 4), (4, 8)),
        (48, 32, 32, (32, 24), (1, 2)),
        (30, 14, 8, (7, 6), (2, 5)),
        (13, 17, 8, (1, 1), (17, 13)),  # primes
        (4096, 11008, 64, (64, 64), (172, 64)),
    ],
)
def test_the_factors_fit_any_shape(
    d_in: int, d_out: int, factor: int, left: tuple[int, int], right: tuple[int, int]
) -> None:
    module = KronA(replace(SITE, d_in=d_in, d_out=d_out), factor)
    assert (module.A.shape, module.B.shape) == (left, right)


@pytest.mark.parametrize("shape", [(32, 16), (30, 14), (13, 17)])
def test_it_adds_what_the_formed_product_would(shape: tuple[int, int]) -> None:
    d_in, d_out = shape
    module, x = KronA(replace(SITE, d_in=d_in, d_out=d_out), factor=8, scale=1.5), torch.randn(2, 3, d_in)
    torch.nn.init.normal_(module.B)
    change = 1.5 * torch.kron(module.A, module.B)
    assert change.shape == (d_out, d_in)
    torch.testing.assert_close(module(x, torch.full((2, 3, d_out), torch.nan)), x @ change.T)
    torch.testing.assert_close(module.weight_change(torch.zeros(d_out, d_in), None), (change, None))


def test_a_new_one_adds_nothing_and_learns_at_once() -> None:
    module, x = KronA(SITE), torch.randn(2, 3, 32)
    assert not module(x, x).any() and module.A.all()
    module(x, x).sum().backward()
    assert module.B.grad is not None and module.B.grad.any()
