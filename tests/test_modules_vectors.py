"""BitFit, IA3 and LayerNorm tuning against their equations and against `peft`."""

from __future__ import annotations

from typing import Any

import contracts
import models
import pytest
import torch
from peft import IA3Config, LNTuningConfig, get_peft_model
from torch import Tensor, nn
from transformers import PreTrainedModel

from pelt_core.anatomy import ANATOMIES, Fused
from pelt_core.attachment import attach, attached
from pelt_core.grafts import Graft
from pelt_core.modules.vectors import IA3, Bias, NormTuning
from pelt_core.sites import Site, sites

pytestmark = [  # what peft asks, and what it says to any normalisation
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Unsupported layer type:UserWarning"),
]
UNFUSED = [f for f in models.FAMILIES if not isinstance(ANATOMIES[f][0].linears["q"].part, Fused)]
CLOSE = {"atol": 1e-5, "rtol": 1e-4}


def site(family: str, position: str) -> Site:
    return sites(models.tiny(family), (position,), [0])[0]


def stirred(delta: Any) -> Any:
    for p in delta.parameters():
        nn.init.normal_(p)
    return delta


def test_a_bias_is_added() -> None:
    delta, x, y = stirred(Bias(site("llama", "down"))), torch.randn(2, 3, 48), torch.randn(2, 3, 32)
    torch.testing.assert_close(y + delta(x, y), y + delta.b.expand(2, 3, 32))
    assert delta(x, y.bfloat16()).dtype is torch.bfloat16


def test_ia3_scales_what_is_written() -> None:
    delta, x, y = stirred(IA3(site("llama", "k"))), torch.randn(2, 3, 32), torch.randn(2, 3, 16)
    torch.testing.assert_close(y + delta(x, y), y * (1 + delta.l))


def by_hand(family: str, x: Tensor) -> Tensor:
    if family == "llama":
        return x / x.square().mean(-1, keepdim=True).add(1e-6).sqrt()
    x = x - x.mean(-1, keepdim=True)
    return x / x.square().mean(-1, keepdim=True).add(1e-5).sqrt()


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_norm_tuning_adds_to_gain_and_bias(family: str) -> None:
    where = site(family, "attn_norm")
    host, x = models.tiny(family).base_model.get_submodule(where.write.path), torch.randn(2, 3, 32)
    delta = stirred(NormTuning(where))
    assert set(dict(delta.named_parameters())) == ({"w"} if family == "llama" else {"w", "b"})
    bias = 0 if delta.b is None else delta.b
    torch.testing.assert_close(delta(x, host(x), host), delta.w * by_hand(family, x) + bias)


@pytest.mark.parametrize(("kind", "position"), [(Bias, "down"), (Bias, "k"), (IA3, "k"), (IA3, "inner")])
def test_the_change_of_a_linear_map_is_what_the_delta_adds(kind: Any, position: str) -> None:
    where = site("bert", position)
    linear = nn.Linear(48 if position != "k" else 32, 32)
    delta, x = stirred(kind(where)), torch.randn(2, 3, linear.in_features)
    grafted = linear(x + delta(x, x)) if position == "inner" else linear(x) + delta(x, linear(x))
    dW, db = delta.weight_change(linear.weight, linear.bias)
    weight, bias = (old if new is None else old + new for old, new in ((linear.weight, dW), (linear.bias, db)))
    torch.testing.assert_close(nn.functional.linear(x, weight, bias), grafted)
    assert linear.weight.shape == weight.shape and linear.bias.shape == bias.shape


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_the_change_of_a_normalisation_is_what_the_delta_adds(family: str) -> None:
    where = site(family, "attn_norm")
    host, x = models.tiny(family).base_model.get_submodule(where.write.path), torch.randn(2, 3, 32)
    delta = stirred(NormTuning(where))
    grafted = host(x) + delta(x, host(x), host)
    with torch.no_grad():
        dw, db = delta.weight_change(host.weight, getattr(host, "bias", None))
        host.weight += dw
        if db is not None:
            host.bias += db
    torch.testing.assert_close(host(x), grafted)


def grafts_by_path(model: PreTrainedModel) -> dict[str, Graft]:
    base = next(name for name, module in model.named_modules() if module is model.base_model)
    return {f"{base}.{graft.site.write.path}".strip("."): graft for graft in attached(model).all_grafts()}


def behave_alike(ours: Any, theirs: Any, family: str) -> None:
    """The same logits, not those of the backbone; fills the gradients."""
    inputs = models.batch(family)
    plain, found, expected = (models.real(m(**inputs).logits, inputs) for m in (models.tiny(family), ours, theirs))
    assert (plain - expected).abs().max() > 1e-4
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    for model in (ours, theirs):
        models.loss(model, inputs).backward()


@pytest.mark.parametrize("family", UNFUSED)
def test_ia3_is_that_of_peft(family: str) -> None:
    ours = models.tiny(family)
    attach(ours, "ia3")
    models.stir(ours.pelt, std=2.0)
    grafts = grafts_by_path(ours)
    inner = [path for path, graft in grafts.items() if graft.site.position == "inner"]
    config = IA3Config(target_modules=list(grafts), feedforward_modules=inner)
    theirs = get_peft_model(models.tiny(family), config).eval()
    layers = {path: theirs.base_model.model.get_submodule(path).ia3_l["default"] for path in grafts}
    with torch.no_grad():
        for path, graft in grafts.items():
            layers[path].copy_(1 + graft.delta.l.view_as(layers[path]))
    behave_alike(ours, theirs, family)
    for path, graft in grafts.items():
        assert graft.delta.l.grad.any()
        torch.testing.assert_close(graft.delta.l.grad, layers[path].grad.flatten(), **CLOSE)


@pytest.mark.parametrize("family", models.FAMILIES)
def test_norm_tuning_is_that_of_peft(family: str) -> None:
    ours = models.tiny(family)
    attach(ours, "layernorm")
    models.stir(ours.pelt, std=2.0)
    grafts = grafts_by_path(ours)
    theirs = get_peft_model(models.tiny(family), LNTuningConfig(target_modules=list(grafts))).eval()
    norms = {path: theirs.base_model.model.get_submodule(path).ln_tuning_layers["default"] for path in grafts}
    with torch.no_grad():
        for path, graft in grafts.items():
            for change, p in zip(graft.delta.parameters(), norms[path].parameters(), strict=True):
                p += change
    behave_alike(ours, theirs, family)
    for path, graft in grafts.items():
        for change, p in zip(graft.delta.parameters(), norms[path].parameters(), strict=True):
            assert change.grad.any()
            torch.testing.assert_close(change.grad, p.grad, **CLOSE)


@pytest.mark.parametrize("family", ["bert", "roberta", "bloom", "gpt_neox", "gpt2", "opt"])
def test_bitfit_merges_where_the_model_has_the_biases(family: str) -> None:
    contracts.merges_into_the_weights(family, "bitfit")


@pytest.mark.parametrize("family", ["llama", "gemma", "gptj", "t5"])
def test_bitfit_cannot_merge_where_the_model_lacks_them(family: str) -> None:
    contracts.refuses_to_merge(family, "bitfit")
