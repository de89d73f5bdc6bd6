from __future__ import annotations

import copy

import models
import pytest
import torch
from transformers import AutoConfig, AutoModel, PreTrainedModel

from pelt_core.attachment import AttachError, Attachment, activate, attach, attached, detach
from pelt_core.backbones import meta_model
from pelt_core.catalogue import BACKBONES
from pelt_core.errors import PeltError
from pelt_core.merging import merge
from pelt_core.sites import AnatomyError
from pelt_core.specification import parse


def trained(model: PreTrainedModel) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def test_what_was_grown_is_returned_and_held_by_the_model() -> None:
    model = models.tiny("llama")
    attachment = attach(model, parse("lora@q,v+prefix:1"))
    assert model.pelt["default"] is attachment is attached(model) is attached(model, "default")
    assert isinstance(attachment, Attachment) and str(attachment.method) == "lora@q,v+prefix@kv:1"
    assert list(attachment.grafts) == ["0_q_lora", "0_v_lora", "1_q_lora", "1_v_lora", "1_kv_prefix"]
    assert list(attachment.grafts.values()) == attachment.all_grafts()


# per layer of the tiny LLaMA: hidden 32, keys and values 16, inner 48
COUNTS = {
    "series(bottleneck=5)@mlp:0": 2 * 32 * 5 + 5 + 32,
    "series(bottleneck=5)@attn,mlp": 2 * 2 * (2 * 32 * 5 + 5 + 32),
    "parallel(bottleneck=5)@down:1": (48 + 32) * 5 + 5 + 32,
    "lora(rank=3)@q,k,v": 2 * 3 * ((32 + 32) + 2 * (32 + 16)),
    "lora(rank=3)@gate,up,down": 2 * 3 * 3 * (32 + 48),
    "prefix(tokens=7)": 2 * 2 * 7 * 16,
    "full": BACKBONES["tiny-llama"].parameters,
    "head": 260 * 32,
    "none": 0,
}


@pytest.mark.parametrize(("spec", "count"), COUNTS.items())
def test_how_many_parameters_a_method_trains(spec: str, count: int) -> None:
    model = models.tiny("llama")
    attach(model, spec)
    assert trained(model) == count


def test_counting_needs_no_weights() -> None:
    model = meta_model("yahma/llama-7b-hf")
    attach(model, "lora(rank=32,alpha=64)@q,k,v,up,down")
    layers, rank = 32, 32
    assert trained(model) == layers * rank * (3 * (4096 + 4096) + 2 * (4096 + 11008)) == 56_098_816
    assert all(p.is_meta for p in model.parameters())


def test_the_seed_alone_decides_the_start() -> None:
    def start(seed: int, disturbance: int) -> torch.Tensor:
        torch.manual_seed(disturbance)
        model = models.tiny("llama")
        attach(model, "lora@q:0", seed=seed)
        return attached(model).grafts["0_q_lora"].delta.A

    assert torch.equal(start(3, disturbance=1), start(3, disturbance=2))
    assert not torch.equal(start(3, disturbance=1), start(4, disturbance=1))


def test_the_caller_s_random_state_is_left_alone() -> None:
    model = models.tiny("llama")
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    attach(model, "lora+series+prefix")
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("training", [True, False])
def test_new_modules_are_in_the_mode_of_the_model(training: bool) -> None:
    model = models.tiny("llama").train(training)
    attach(model, "lora(dropout=0.5)+series")
    assert all(module.training is training for module in model.pelt.modules())


def test_layers_from_both_ends_that_meet_are_found_on_the_model() -> None:
    model = models.tiny("llama")
    with pytest.raises(AttachError, match="'lora' sits twice at 'q' of layer 1: say it once"):
        attach(model, "lora@q:1+lora(rank=2)@q,v:last1")
    attach(model, "lora@q:0+lora(rank=2)@q,v:last1")
    assert list(attached(model).grafts) == ["0_q_lora", "1_q_lora", "1_v_lora"]


def test_a_classifier_s_own_head_is_trained_too_but_not_by_none() -> None:
    for spec, expected in (("lora", True), ("prefix", True), ("none", False)):
        model = models.tiny("bert")
        attach(model, spec)
        assert model.classifier.weight.requires_grad is model.classifier.bias.requires_grad is expected
        assert not model.bert.pooler.dense.weight.requires_grad


def test_terms_act_in_their_order() -> None:
    """An adapter after a linear map reads that map's output as the terms before it have left it."""
    model, seen = models.tiny("llama"), {}
    attach(model, "lora@o:0+series@attn:0")
    models.stir(model)
    series, lora = (attached(model).grafts[name] for name in ("0_attn_series", "0_o_lora"))
    lora.register_forward_hook(lambda module, args, y: seen.update(lora=y))
    series.register_forward_hook(lambda module, args, y: seen.update(series=args[1]))
    model(**models.batch("llama"))
    assert seen["lora"] is seen["series"]


def test_a_model_without_a_head_can_carry_a_method_but_not_train_a_head() -> None:
    model = AutoModel.from_config(AutoConfig.for_model("llama", **BACKBONES["tiny-llama"].config)).eval()
    attach(model, "series@mlp")
    before = model(**models.batch("llama")).last_hidden_state
    models.stir(model)
    assert not torch.equal(model(**models.batch("llama")).last_hidden_state, before)
    detach(model)
    with pytest.raises(AnatomyError, match="LlamaModel has no output layer"):
        attach(model, "head")


def test_a_name_is_taken_until_its_method_is_off() -> None:
    model = models.grown("llama", "lora@q")
    with pytest.raises(AttachError, match=r"already carries 'lora@q' by the name of 'default': detach\(") as caught:
        attach(model, "series")
    assert isinstance(caught.value, PeltError)
    assert str(attached(model).method) == "lora@q"
    detach(model)
    attach(model, "series")


@pytest.mark.parametrize("act", [attached, detach, merge, activate])
def test_a_model_without_a_method_is_told_how_to_get_one(act: object) -> None:
    with pytest.raises(AttachError, match=r'carries no method: attach\(model, "lora@q,v"\) first'):
        act(models.tiny("llama"))  # type: ignore[operator]


@pytest.mark.parametrize("spec", ["lora@q,gate", "lora@q+series:9", "prefix:2", "lora(rank=0)"])
def test_what_cannot_be_attached_leaves_the_model_as_it_was(spec: str) -> None:
    model, inputs = models.tiny("gpt2"), models.batch("gpt2")
    before, names = model(**inputs).logits, [name for name, _ in model.named_modules()]
    with pytest.raises(PeltError):
        attach(model, spec)
    assert torch.equal(model(**inputs).logits, before)
    assert [name for name, _ in model.named_modules()] == names
    assert all(p.requires_grad for p in model.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_detach_takes_the_training_of_the_backbone_back() -> None:
    model, inputs = models.tiny("bert"), models.batch("bert")
    attach(model, "full")
    before = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    models.loss(model, inputs).backward()
    optimizer.step()
    assert any(not torch.equal(p, before[name]) for name, p in model.named_parameters())
    detach(model)
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


def test_every_graft_is_where_it_writes_and_its_gate_too() -> None:
    model = models.tiny("llama")
    model.model.layers[1].to("meta")
    attach(model, "softmax(pool=prompt)*[lora+prefix]+dora@o+token*series")
    for name, graft in attached(model).grafts.items():
        assert {p.is_meta for p in graft.parameters()} == {name.startswith("1_")}, name


@pytest.mark.parametrize("spec", ["lora+series+bitfit", "side(reduction=2)", "token*prefix"])
def test_modules_are_in_fp32_whatever_the_default_type(spec: str) -> None:
    model, expected = models.tiny("llama"), attach(models.tiny("llama"), spec).state_dict()
    torch.set_default_dtype(torch.bfloat16)
    try:
        found = attach(model, spec).state_dict()
    finally:
        torch.set_default_dtype(torch.float32)
    torch.testing.assert_close(found, expected, atol=0, rtol=0)


@pytest.mark.parametrize("wrong", ["model", "method"])
def test_what_is_no_model_or_no_specification_is_named(wrong: str) -> None:
    model = torch.nn.Linear(2, 2) if wrong == "model" else models.tiny("llama")
    method = "lora" if wrong == "model" else detach(models.grown("llama", "lora"))
    with pytest.raises(AttachError, match=f"not {type(model).__name__} and {type(method).__name__}"):
        attach(model, method)  # type: ignore[arg-type]
