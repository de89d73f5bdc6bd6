"""Several methods on one model, by name."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from itertools import permutations

import models
import pytest
import torch
from transformers import PreTrainedModel

from pelt_core.attachment import AttachError, activate, attach, attached, detach
from pelt_core.grafts import Graft
from pelt_core.specification import parse

STACK = {"a": "lora@q,v", "b": "prefix(tokens=3)", "c": "series(bottleneck=4)@mlp+lora@up", "d": "full:last1"}


def stacked(family: str = "llama", **specs: str) -> PreTrainedModel:
    """The tiny model under methods of these names, all of them acting and moved off their start."""
    model = models.tiny(family)
    for name, spec in (specs or STACK).items():
        attach(model, spec, name=name)
        models.stir(model)
    return model


@pytest.mark.parametrize("order", list(permutations(STACK))[::5])
def test_methods_come_off_in_any_order_and_leave_no_trace(order: tuple[str, ...]) -> None:
    model = models.tiny("llama")
    weights, logits = copy.deepcopy(model.state_dict()), models.output(model)
    model = stacked()
    for name in order:
        assert str(detach(model, name).method) == str(parse(STACK[name]))
    assert not hasattr(model, "pelt") and all(p.requires_grad for p in model.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert torch.equal(models.output(model), logits)


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
    assert torch.equal(models.output(both), models.output(at_once))
    for name, model in alone.items():
        activate(both, name)
        assert torch.equal(models.output(both), models.output(model))
    activate(both)
    assert torch.equal(models.output(both), models.output(models.tiny("llama")))


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
    one, seen = models.output(model), model.pelt.acting
    activate(model, "b", "a")
    assert (seen, model.pelt.acting) == (("a", "b"), ("b", "a"))
    other = models.output(model)
    assert not torch.allclose(other, one, atol=1e-4)
    activate(model, "a", "b")
    assert torch.equal(models.output(model), one)


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
    first, logits = model.classifier.weight.clone(), models.output(model)
    attach(model, "lora@v", name="b")
    assert torch.equal(models.output(model), logits), "the second starts where the first is"
    activate(model, "b")
    models.stir(model)
    second = model.classifier.weight.clone()
    activate(model, "b", "a")
    assert torch.equal(model.classifier.weight, first)
    activate(model, "a", "b")
    assert torch.equal(model.classifier.weight, second)
    detach(model, "b")
    assert torch.equal(model.classifier.weight, first)
    assert torch.equal(models.output(model), logits)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_switches_on_its_own(copied: Callable[[PreTrainedModel], PreTrainedModel]) -> None:
    model = stacked()
    activate(model, "a", "d")
    expected = models.output(model)
    other = copied(model)
    assert torch.equal(models.output(other), expected)
    activate(other, "c")
    models.stir(other)
    assert torch.equal(models.output(model), expected)
    for name in STACK:
        detach(other, name)
    assert torch.equal(models.output(other), models.output(models.tiny("llama")))
    activate(model, "c")
    assert not torch.equal(models.output(model), expected)


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
    logits, names = models.output(model), [name for name, _ in model.named_parameters()]
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
    assert torch.equal(models.output(model), logits)
    assert [name for name, _ in model.named_parameters()] == names
    assert sum(len(module._forward_hooks) for module in model.modules()) == hooks


@pytest.mark.parametrize(
    "change", [detach, lambda model: activate(model), lambda model: attach(model, "lora", name="b")]
)
def test_what_is_trained_in_place_cannot_be_resized_meanwhile(change: Callable[[PreTrainedModel], object]) -> None:
    model, before = models.grown("gpt2", "full"), models.output(models.tiny("gpt2"))
    trained = models.output(model)
    model.resize_token_embeddings(264)
    with pytest.raises(
        AttachError, match=r"^transformer.wte.weight was \(260, 32\) when .* and is \(264, 32\): resize it"
    ):
        change(model)
    assert model.pelt.acting == ("default",) and list(model.pelt) == ["default"]
    model.resize_token_embeddings(260)
    assert torch.equal(models.output(model), trained)
    detach(model)
    assert torch.equal(models.output(model), before)
