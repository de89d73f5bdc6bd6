"""The cross entropy of a frozen head, against PyTorch's own on all logits in fp64."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pelt_core import cross_entropy
from pelt_core.cross_entropy import linear_cross_entropy

TOKENS, HIDDEN, VOCABULARY = 13, 6, 50


def drawn(dtype: torch.dtype = torch.float32, bias: bool = True) -> tuple[Tensor, Tensor, Tensor | None, Tensor]:
    generator = torch.Generator().manual_seed(0)
    h, W, b = (torch.randn(size, generator=generator) for size in ((TOKENS, HIDDEN), (VOCABULARY, HIDDEN), VOCABULARY))
    y = torch.randint(VOCABULARY, (TOKENS,), generator=generator)
    return h.to(dtype).requires_grad_(), W.to(dtype), b.to(dtype) if bias else None, y


def expected(h: Tensor, W: Tensor, b: Tensor | None, y: Tensor) -> Tensor:
    logits = F.linear(h.double(), W.double(), None if b is None else b.double())
    return F.cross_entropy(logits, y, reduction="none")


@pytest.mark.parametrize("upstream", ["ones", "mean", "one a token"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("at_once", [1, 2, 5, TOKENS, 100])
def test_value_and_gradient(at_once: int, bias: bool, upstream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_entropy, "_LOGITS", at_once * VOCABULARY)
    h, W, b, y = drawn(bias=bias)
    weight = {"ones": torch.ones(TOKENS), "mean": torch.full((TOKENS,), 1 / TOKENS), "one a token": torch.randn(TOKENS)}
    found, formula = linear_cross_entropy(h, W, b, y), expected(h, W, b, y)
    assert found.dtype is torch.float32 and found.shape == (TOKENS,)
    torch.testing.assert_close(found.double(), formula, atol=1e-6, rtol=1e-6)
    one, other = (torch.autograd.grad((losses * weight[upstream]).sum(), h)[0] for losses in (found, formula))
    torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-6)


def test_no_more_logits_than_allowed_are_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_entropy, "_LOGITS", 4 * VOCABULARY + 1)
    part, sizes = cross_entropy._part, []
    monkeypatch.setattr(cross_entropy, "_part", lambda h, *rest: sizes.append(len(h)) or part(h, *rest))
    linear_cross_entropy(*drawn())
    assert sizes == [4, 4, 4, 1]


def test_a_vocabulary_larger_than_allowed_is_taken_token_by_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_entropy, "_LOGITS", 3)
    h, W, b, y = drawn()
    torch.testing.assert_close(linear_cross_entropy(h, W, b, y).double(), expected(h, W, b, y), atol=1e-6, rtol=1e-6)


def test_a_bf16_head_is_computed_with_in_fp32() -> None:
    h, W, b, y = drawn(torch.bfloat16)
    found, formula = linear_cross_entropy(h, W, b, y), expected(h, W, b, y)
    torch.testing.assert_close(found.double(), formula, atol=1e-6, rtol=1e-6)
    one, other = (torch.autograd.grad(losses.sum(), h)[0] for losses in (found, formula))
    assert one.dtype is torch.bfloat16
    torch.testing.assert_close(one, other, atol=0, rtol=2**-7)


def test_logits_that_fp32_cannot_exponentiate() -> None:
    h, W, b, y = drawn()
    large = (100 * h).detach().requires_grad_()
    found, formula = linear_cross_entropy(large, W, b, y), expected(large, W, b, y)
    assert formula.max() > 100
    torch.testing.assert_close(found.double(), formula, atol=1e-4, rtol=1e-6)
    one, other = (torch.autograd.grad(losses.sum(), large)[0] for losses in (found, formula))
    torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_without_a_way_back_no_gradient_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    part, asked = cross_entropy._part, []
    monkeypatch.setattr(cross_entropy, "_part", lambda *args: asked.append(args[-1]) or part(*args))
    h, W, b, y = drawn()
    found = linear_cross_entropy(h.detach(), W, b, y)
    assert not found.requires_grad and asked == [False]
    torch.testing.assert_close(found.double(), expected(h, W, b, y), atol=1e-6, rtol=1e-6)


def test_the_head_gets_no_gradient() -> None:
    h, W, b, y = drawn()
    W.requires_grad_()
    linear_cross_entropy(h, W, b, y).sum().backward()
    assert W.grad is None and h.grad is not None


def test_no_token_no_loss() -> None:
    h, W, b, y = drawn()
    none = linear_cross_entropy(h[:0], W, b, y[:0])
    assert none.shape == (0,)
    assert not torch.autograd.grad(none.sum(), h)[0].any()


def test_a_second_derivative_is_refused() -> None:
    h, W, b, y = drawn()
    (first,) = torch.autograd.grad(linear_cross_entropy(h, W, b, y).square().sum(), h, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()
