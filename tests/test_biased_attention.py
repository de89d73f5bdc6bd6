"""Attention with a trained bias against torch's own, values and every gradient."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pelt_core.biased_attention import biased_attention


def drawn(dtype: torch.dtype, queries: int = 5, keys: int = 9) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = [(1, 6, queries, 8), (1, 2, keys, 8), (1, 2, keys, 8), (1, 1, queries, 3)]
    return [torch.randn(shape, generator=generator).to(dtype).requires_grad_() for shape in shapes]


def causal(queries: int = 5, keys: int = 9) -> Tensor:
    return torch.full((queries, keys), float("-inf")).triu(keys - queries + 1)


def torchs_own(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, seen: Tensor | None, scaling: float | None) -> Tensor:
    mask = F.pad(bias, (0, k.shape[2] - bias.shape[3]))
    mask = mask if seen is None else mask + seen
    return F.scaled_dot_product_attention(q, k, v, mask, scale=scaling, enable_gqa=True)


@pytest.mark.parametrize("seen", [None, causal()], ids=["all", "causal"])
@pytest.mark.parametrize("scaling", [None, 0.7])
def test_values_and_gradients_are_those_of_torch(seen: Tensor | None, scaling: float | None) -> None:
    given = drawn(torch.float64)
    gradients = []
    for attend in (biased_attention, torchs_own):
        out = attend(*given, None if seen is None else seen.double(), scaling)
        gradients.append([out, *torch.autograd.grad(out.square().sum(), given)])
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)  # ours in fp32


def test_half_precision_is_kept_outside_and_fp32_inside() -> None:
    given = drawn(torch.bfloat16)
    out = biased_attention(*given, causal())
    exact = biased_attention(*(t.float() for t in given), causal())
    assert out.dtype is torch.bfloat16
    torch.testing.assert_close(out, exact.bfloat16(), rtol=0, atol=0)
    found = torch.autograd.grad(out.float().sum(), given)
    assert [g.dtype for g in found] == [torch.bfloat16] * 4
    assert [g.shape for g in found] == [t.shape for t in given]


def test_a_bias_that_lets_nothing_through_is_attention_without_those_keys() -> None:
    q, k, v, _ = drawn(torch.float32)
    closed = torch.full((1, 1, 5, 3), torch.finfo(torch.float32).min)
    out = biased_attention(q, k, v, closed, causal())
    alone = F.scaled_dot_product_attention(q, k[:, :, 3:], v[:, :, 3:], causal()[:, 3:], enable_gqa=True)
    torch.testing.assert_close(out, alone)


def test_a_second_derivative_is_refused() -> None:
    given = drawn(torch.float32)
    (first,) = torch.autograd.grad(biased_attention(*given).square().sum(), given[0], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()
