from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from itertools import permutations

import models
import pytest
import torch
from transformers import AutoConfig, AutoModel, PreTrainedModel

from pelt_core.attachment import AttachError, Attachment, activate, attach, attached, detach
from pelt_core.backbones import meta_model
from pelt_core.catalogue import BACKBONES
from pelt_core.errors import PeltError
from pelt_core.grafts import Graft
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


# Several methods by name

STACK = {"a": "lora@q,v", "b": "prefix(tokens=3)", "c": "series(bottleneck=4)@mlp+lora@up", "d": "full:last1"}


def stacked(family: str = "llama", **specs: str) -> PreTrainedModel:
    """The tiny model under methods of these names, all of them acting and moved off their start."""
    model = models.tiny(family)
    for name, spec in (specs or STACK).items():
        attach(model, spec, name=name)
        models.stir(model)
    return model


def output(model: PreTrainedModel) -> torch.Tensor:
    return model(**models.batch(model.config.model_type)).logits


@pytest.mark.parametrize("order", list(permutations(STACK))[::5])
def test_methods_come_off_in_any_order_and_leave_no_trace(order: tuple[str, ...]) -> None:
    model = models.tiny("llama")
    weights, logits = copy.deepcopy(model.state_dict()), output(model)
    model = stacked()
    for name in order:
        assert str(detach(model, name).method) == str(parse(STACK[name]))
    assert not hasattr(model, "pelt") and all(p.requires_grad for p in model.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert torch.equal(output(model), logits)


def test_stacked_methods_add_up_and_the_one_that_is_left_is_as_it_was_alone() -> None:
    alone = {name: models.tiny("llama") for name in "ab"}
    for name, model in alone.items():
        attach(model, STACK[name], name=name)
        models.stir(model)
    both = models.tiny("llama")
    for name in "ab":
        attach(both, STACK[name], name=name)
        attached(both, name).load_state_dict(attached(alone[name], name).state_dict())
    at_once = models.tiny("llama")
    attach(at_once, "+".join(STACK[name] for name in "ab"))
    attached(at_once).load_state_dict(attached(alone["a"]).state_dict() | attached(alone["b"]).state_dict())
    assert torch.equal(output(both), output(at_once))
    for name, model in alone.items():
        activate(both, name)
        assert torch.equal(output(both), output(model))
    activate(both)
    assert torch.equal(output(both), output(models.tiny("llama")))


def test_the_backbone_is_held_once() -> None:
    model = models.tiny("llama")
    before = {name: p.data_ptr() for name, p in model.named_parameters()}
    attach(model, "lora@q,v", name="a")
    attach(model, "lora@q,v", name="b", seed=1)
    activate(model, "b")
    activate(model, "a")
    own = {name: p.data_ptr() for name, p in model.named_parameters() if not name.startswith("pelt.")}
    assert own == before
    grown = sum(p.numel() for p in model.parameters()) - sum(p.numel() for p in models.tiny("llama").parameters())
    assert grown == 2 * sum(p.numel() for p in attached(model, "a").parameters())


def test_only_what_acts_is_trained() -> None:
    model = stacked(a="lora@q,v", b="prefix(tokens=3)")
    activate(model, "a")
    assert (attached(model, "a").active, attached(model, "b").active) == (True, False)
    models.loss(model.train(), models.batch("llama")).backward()
    assert {name.split(".")[1] for name in models.gradients(model)} == {"a"}
    activate(model, "a", "b")
    models.loss(model, models.batch("llama")).backward()
    assert {name.split(".")[1] for name in models.gradients(model)} == {"a", "b"}
    activate(model)
    assert not any(p.requires_grad for p in model.parameters())


def test_methods_act_in_the_order_in_which_they_are_named() -> None:
    model = stacked(a="series(bottleneck=4)@mlp", b="parallel(bottleneck=4)@mlp+series(bottleneck=3)@mlp")
    one, seen = output(model), model.pelt.acting
    activate(model, "b", "a")
    assert (seen, model.pelt.acting) == (("a", "b"), ("b", "a"))
    other = output(model)
    assert not torch.allclose(other, one, atol=1e-4)
    activate(model, "a", "b")
    assert torch.equal(output(model), one)


def test_each_method_keeps_its_own_head() -> None:
    model = models.tiny("bert")
    pretrained = model.classifier.weight.clone()
    heads = {}
    for name in "ab":
        attach(model, "lora@q,v", name=name)
        models.stir(model, std=0.1 if name == "a" else 0.2)
        heads[name] = model.classifier.weight.clone()
    assert not torch.equal(heads["a"], heads["b"])
    for name in "abab":
        activate(model, name)
        assert torch.equal(model.classifier.weight, heads[name])
    activate(model)
    assert torch.equal(model.classifier.weight, pretrained)
    detach(model, "a")
    activate(model, "b")
    assert torch.equal(model.classifier.weight, heads["b"])
    detach(model, "b")
    assert torch.equal(model.classifier.weight, pretrained)


def test_of_several_heads_the_last_one_counts_and_the_others_are_kept() -> None:
    model = models.tiny("bert")
    attach(model, "lora@q", name="a")
    models.stir(model)
    first, logits = model.classifier.weight.clone(), output(model)
    attach(model, "lora@v", name="b")
    assert torch.equal(output(model), logits), "the second starts where the first is"
    activate(model, "b")
    models.stir(model)
    second = model.classifier.weight.clone()
    activate(model, "b", "a")
    assert torch.equal(model.classifier.weight, first)
    activate(model, "a", "b")
    assert torch.equal(model.classifier.weight, second)
    detach(model, "b")
    assert torch.equal(model.classifier.weight, first)
    assert torch.equal(output(model), logits)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_switches_on_its_own(copied: Callable[[PreTrainedModel], PreTrainedModel]) -> None:
    model = stacked()
    activate(model, "a", "d")
    expected = output(model)
    other = copied(model)
    assert torch.equal(output(other), expected)
    activate(other, "c")
    models.stir(other)
    assert torch.equal(output(model), expected)
    for name in STACK:
        detach(other, name)
    assert torch.equal(output(other), output(models.tiny("llama")))
    activate(model, "c")
    assert not torch.equal(output(model), expected)


def test_wrong_names_are_told_the_right_ones() -> None:
    model = stacked(a="lora@q", b="prefix")
    for act in (attached, detach):
        with pytest.raises(AttachError, match="^say which one: the model carries a, b$"):
            act(model)
        with pytest.raises(AttachError, match="^none is called 'c': the model carries a, b$"):
            act(model, "c")
    with pytest.raises(AttachError, match="none is called 'c'"):
        activate(model, "a", "c")
    with pytest.raises(AttachError, match="^a is said twice: "):
        activate(model, "a", "b", "a")
    assert model.pelt.acting == ("a", "b")


@pytest.mark.parametrize("name", ["", "my task", "a.b", "keys", "training", "acting", "forward"])
def test_a_name_is_a_plain_word(name: str) -> None:
    model = models.tiny("llama")
    with pytest.raises(AttachError, match="cannot be the name of a method: take another plain word"):
        attach(model, "lora", name=name)
    assert not hasattr(model, "pelt")


@pytest.mark.parametrize("carried", [{}, {"a": "lora@q"}])
def test_a_method_that_fails_while_it_is_wired_is_taken_off(
    carried: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = stacked(**carried) if carried else models.tiny("llama")
    logits, names = output(model), [name for name, _ in model.named_parameters()]
    hooks = sum(len(module._forward_hooks) for module in model.modules())
    wire = Graft.wire

    def fail(self: Graft, base: torch.nn.Module) -> list[object]:
        if str(self.site) == "1_v":
            raise MemoryError
        return wire(self, base)

    monkeypatch.setattr(Graft, "wire", fail)
    with pytest.raises(MemoryError):
        attach(model, "lora@v", name="b")
    monkeypatch.undo()
    assert torch.equal(output(model), logits)
    assert [name for name, _ in model.named_parameters()] == names
    assert sum(len(module._forward_hooks) for module in model.modules()) == hooks
