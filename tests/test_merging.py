from __future__ import annotations

import copy
from dataclasses import replace

import models
import pytest
import torch
from torch import nn
from transformers import PreTrainedModel

from pelt_core.attachment import activate, attach, attached, detach
from pelt_core.merging import MergeError, RoundingWarning, merge, unmerge
from pelt_core.methods import METHODS
from pelt_core.sites import Site


def q_proj(model: PreTrainedModel) -> nn.Linear:
    return model.model.layers[0].self_attn.q_proj


def test_a_trained_head_stays_and_comes_off_again() -> None:
    model = models.grown("bert", "lora@q,v")
    pretrained, head, logits = (
        models.tiny("bert").classifier.weight,
        model.classifier.weight.clone(),
        models.output(model),
    )
    merged = merge(model)
    assert torch.equal(model.classifier.weight, head)
    torch.testing.assert_close(models.output(model), logits, atol=1e-5, rtol=1e-5)
    unmerge(model, merged)
    assert torch.equal(models.output(model), logits)
    detach(model)
    assert torch.equal(model.classifier.weight, pretrained)


def test_a_method_that_does_not_act_is_merged_as_it_was_trained() -> None:
    model = models.grown("bert", "lora@q,v")
    logits = models.output(model)
    activate(model)
    assert not torch.allclose(models.output(model), logits, atol=1e-4)
    merge(model)
    torch.testing.assert_close(models.output(model), logits, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("spec", ["full", "head"])
def test_what_is_trained_in_place_is_in_the_weights_already(spec: str) -> None:
    model = models.grown("llama", spec)
    logits = models.output(model)
    merged = merge(model)
    assert torch.equal(models.output(model), logits)
    unmerge(model, merged)
    detach(model)
    assert torch.equal(models.output(model), models.output(models.tiny("llama")))


@pytest.mark.parametrize("per", ["site", "submodule"])
@pytest.mark.parametrize("family", ["llama", "bloom", "gpt2"])
def test_a_scalar_gate_is_merged_with_what_it_lets_through(family: str, per: str) -> None:
    model = models.grown(family, f"scalar(per={per})*lora@q,v,down")
    with torch.no_grad():
        for graft in attached(model).all_grafts():
            graft.gate.get_parameter("a" if per == "site" else "whole.a").fill_(-1.3)
    logits = models.output(model)
    weights = {graft.delta.weight().norm() for graft in attached(model).all_grafts()}
    assert all(norm > 0.1 for norm in weights)
    merge(model)
    torch.testing.assert_close(models.output(model), logits, atol=1e-5, rtol=1e-5)


def test_a_gate_that_reads_the_text_is_refused() -> None:
    with pytest.raises(MergeError, match="^0_q_lora cannot be merged: its gate depends on the text; .* 'scalar'"):
        merge(models.grown("llama", "token*lora@q"))


@pytest.mark.parametrize(("spec", "said"), [("prefix+lora", "0_kv_prefix"), ("lora+parallel@q", "0_q_parallel")])
def test_what_is_no_change_of_weights_is_refused(spec: str, said: str) -> None:
    with pytest.raises(MergeError, match=rf"^{said} cannot be merged: .* no linear map .* lora"):
        merge(models.grown("llama", spec))


class Columns(nn.Module):
    """`x' = l x`, which scales what the weight reads."""

    reads = "y"

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.l = nn.Parameter(torch.full((site.d_out,), 0.5))

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (self.l - 1) * y

    def weight_change(self, weight: torch.Tensor, bias: torch.Tensor | None) -> tuple[torch.Tensor, None]:
        return weight * (self.l - 1), None


class Bias(nn.Module):
    """`y' = y + b`."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.b = nn.Parameter(torch.ones(site.d_out))

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.b.expand_as(y)

    def weight_change(self, weight: torch.Tensor, bias: torch.Tensor | None) -> tuple[None, torch.Tensor]:
        return None, self.b


@pytest.fixture
def plain_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two methods of one line each, to see what merging does with columns and with biases."""
    where = {"allowed": ("inner", "up", "down", "q", "mlp_norm"), "mergeable": True}
    monkeypatch.setitem(METHODS, "columns", replace(METHODS["lora"], module=Columns, positions=("inner",), **where))
    monkeypatch.setitem(METHODS, "bias", replace(METHODS["lora"], module=Bias, positions=("up",), **where))


@pytest.mark.parametrize("spec", ["lora@down+columns@inner", "columns@inner+lora@down"])
@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.usefixtures("plain_methods")
def test_what_a_weight_reads_is_scaled_after_the_weight_has_changed(family: str, spec: str) -> None:
    model = models.grown(family, spec)
    logits = models.output(model)
    merge(model)
    torch.testing.assert_close(models.output(model), logits, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("spec", ["bias@q,up", "lora@q+bias@q", "bias@mlp_norm"])
@pytest.mark.usefixtures("plain_methods")
def test_a_bias_is_added_where_there_is_one(spec: str) -> None:
    model = models.grown("gpt2", spec)
    logits = models.output(model)
    assert not torch.allclose(logits, models.output(models.tiny("gpt2")), atol=1e-3)
    merge(model)
    torch.testing.assert_close(models.output(model), logits, atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("plain_methods")
def test_a_bias_is_refused_where_there_is_none() -> None:
    model = models.grown("llama", "lora@q+bias@up:1")
    weight = q_proj(model).weight.clone()
    with pytest.raises(MergeError, match=r"^1_up cannot be merged: layers.1.mlp.up_proj has no bias"):
        merge(model)
    assert torch.equal(q_proj(model).weight, weight) and attached(model).active


@pytest.mark.parametrize("spec", ["dora@q+lora@q", "dora@down+ia3@inner", "ia3@inner+dora@down", "ia3@q+bitfit@q"])
def test_methods_on_one_weight_are_merged_in_the_order_of_acting(spec: str) -> None:
    model = models.grown("gpt2", spec)
    logits = models.output(model)
    merge(model)
    torch.testing.assert_close(models.output(model), logits, atol=1e-5, rtol=1e-5)


def test_dora_is_refused_after_another_method_on_its_weight() -> None:
    model = models.grown("llama", "lora@q,v:0+dora@k,v")
    with pytest.raises(
        MergeError, match="^0_v_dora cannot be merged: its length is that of the weight without the other"
    ):
        merge(model)


def test_fewer_bits_are_rounded_once_and_the_loss_is_said() -> None:
    model = models.grown("llama", "lora@q:0", dtype=torch.bfloat16)
    before, change = q_proj(model).weight.clone(), attached(model).grafts["0_q_lora"].delta.weight()
    exact = before.float() + change
    error = ((exact.bfloat16() - exact).norm() / change.norm()).item()
    with pytest.warns(RoundingWarning, match=f"to bfloat16 changes the method by {error:.1%} of its norm"):
        merged = merge(model)
    assert 0 < error < 0.2
    assert torch.equal(q_proj(model).weight, exact.bfloat16())
    unmerge(model, merged)
    assert torch.equal(q_proj(model).weight, before)


def test_only_a_method_alone_is_merged() -> None:
    model = models.grown("llama", "lora@q")
    attach(model, "lora@v", name="other")
    with pytest.raises(MergeError, match="^the model carries default, other, and merging one would change"):
        merge(model)
    detach(model, "other")
    merge(model)


def test_merged_methods_are_taken_out_in_the_opposite_order() -> None:
    model, weights = models.tiny("llama"), copy.deepcopy(models.tiny("llama").state_dict())
    merged = []
    for name, spec in (("a", "lora@q,v"), ("b", "lora@q")):
        attach(model, spec, name=name)
        models.stir(model)
        merged.append(merge(model))
    with pytest.raises(MergeError, match=r"^model.layers.0.self_attn.q_proj.weight is not as merge left it: unmerge"):
        unmerge(model, merged[0])
    for one in reversed(merged):
        unmerge(model, one)
        assert model.pelt.acting == (one.name,)
        detach(model)
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


def test_what_was_grown_on_merged_weights_comes_off_first() -> None:
    model = models.grown("llama", "lora@q")
    merged = merge(model)
    attach(model, "prefix", name="later")
    with pytest.raises(MergeError, match="^the model carries later, grown on the merged weights: detach it"):
        unmerge(model, merged)
