"""AdaMix: random experts in training, their mean afterwards."""

from __future__ import annotations

import itertools

import models
import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.utils.checkpoint import checkpoint

from pelt_core.attachment import attach, attached
from pelt_core.folding import fold
from pelt_core.modules.bottleneck import Series
from pelt_core.modules.mixture import AdaMix
from pelt_core.sites import Site, sites


def site() -> Site:
    return sites(models.tiny("llama"), ("mlp",), [0])[0]


def stirred(bias: bool = True) -> AdaMix:
    torch.manual_seed(0)
    adapter = AdaMix(site(), experts=3, bottleneck=5, bias=bias, scale=0.5)
    for p in adapter.parameters():
        nn.init.normal_(p)
    return adapter


def every_pair(adapter: AdaMix, y: Tensor) -> dict[tuple[int, int], Tensor]:
    """What each pair of a down- and an up-projection gives."""
    down, up = adapter.down, adapter.up
    return {
        (i, j): 0.5 * linear(linear(y, down.weight[i], down.bias[i]).clamp(min=0), up.weight[j], up.bias[j])
        for i, j in itertools.product(range(3), repeat=2)
    }


def test_experts_start_as_copies_that_add_nothing() -> None:
    torch.manual_seed(0)
    adapter, y = AdaMix(site()), torch.randn(2, 3, 32)
    torch.manual_seed(0)
    one = Series(site())
    assert adapter.down.weight.shape == (4, 64, 32) and adapter.up.weight.shape == (4, 32, 64)
    for experts, p in zip(adapter.parameters(), one.parameters(), strict=True):
        assert all(torch.equal(expert, p) for expert in experts)
    assert sum(p.numel() for p in adapter.parameters()) == 4 * (2 * 32 * 64 + 64 + 32)
    assert not adapter(y, y).any()


def test_training_draws_one_expert_of_each_kind_at_random() -> None:
    adapter, y = stirred().train(), torch.randn(2, 3, 32)
    pairs, drawn = every_pair(adapter, y), set()
    for _ in range(60):
        delta = adapter(y, y)
        (pair,) = [pair for pair, expected in pairs.items() if torch.allclose(delta, expected, atol=1e-5)]
        drawn.add(pair)
    assert drawn == set(pairs), "some pair of experts is never drawn"


def test_only_the_drawn_experts_learn() -> None:
    adapter, y = stirred().train(), torch.randn(2, 3, 32)
    adapter(y, y).sum().backward()
    for p in adapter.parameters():
        assert [bool(g.any()) for g in p.grad].count(True) == 1


def test_computing_anew_draws_the_same() -> None:
    adapter, y = stirred().train(), torch.randn(2, 3, 32)
    for seed in range(4):  # in one of them a new draw would be another one
        gradients = []
        for run in (adapter, lambda x, y: checkpoint(adapter, x, y, use_reentrant=False)):
            torch.manual_seed(seed)
            adapter.zero_grad()
            run(y, y).square().sum().backward()
            gradients.append([p.grad.clone() for p in adapter.parameters()])
        for plain, anew in zip(*gradients, strict=True):
            torch.testing.assert_close(plain, anew)


def test_evaluation_takes_the_mean_weights() -> None:
    for adapter in (stirred().eval(), stirred(bias=False).eval()):
        y = torch.randn(2, 3, 32)
        plain = adapter.fold()
        assert type(plain) is Series and plain.scale == 0.5
        for p, experts in zip(plain.parameters(), adapter.parameters(), strict=True):
            torch.testing.assert_close(p, sum(experts) / 3)
        torch.testing.assert_close(plain(y, y), adapter(y, y))


def test_a_folded_mixture_is_a_series_adapter() -> None:
    model, inputs = (
        models.grown("llama", "adamix(experts=3,bottleneck=6,activation=gelu)@attn,mlp"),
        models.batch("llama"),
    )
    logits = model(**inputs).logits
    fold(model)
    assert str(attached(model).method) == "series(bottleneck=6,activation=gelu)@attn,mlp"
    torch.testing.assert_close(model(**inputs).logits, logits)
    other = models.tiny("llama")
    attach(other, "series(bottleneck=6,activation=gelu)@attn,mlp")
    other.load_state_dict(model.state_dict())
    torch.testing.assert_close(other(**inputs).logits, logits)
