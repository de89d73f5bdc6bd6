"""Folding leaves what a method computes at inference, and nothing that only training needs."""

from __future__ import annotations

from pathlib import Path

import models
import pytest
import torch

from pelt_core import checkpoint
from pelt_core.attachment import activate, attach, attached
from pelt_core.errors import PeltError
from pelt_core.folding import FoldError, fold
from pelt_core.methods import METHODS
from pelt_core.specification import MethodError, parse

FOLDS = {
    "adamix(experts=2,bottleneck=6)@mlp": "series(bottleneck=6)@mlp",
    "mlp_prefix(tokens=3,mid=6)": "prefix(tokens=3)@kv",
    "intrinsic_prompt(tokens=3,dimension=2)": "prompt(tokens=3)@embed",
}
PRUNES = {"diff(fraction=0.1)@q": "sparse(fraction=0.1)@q"}  # keeps its largest entries alone, so other logits
GATED = "scalar*[series(bottleneck=6)@mlp+mlp_prefix(tokens=3,mid=6)@kv:1]"


@pytest.mark.parametrize("family", ["bert", "llama", "bloom"])
@pytest.mark.parametrize("spec", FOLDS)
def test_the_plain_method_gives_the_same_logits_with_its_own_tensors_alone(family: str, spec: str) -> None:
    model, inputs = models.grown(family, spec), models.batch(family)
    expected = model(**inputs).logits
    attachment = fold(model)
    assert str(attachment.method) == FOLDS[spec]
    torch.testing.assert_close(model(**inputs).logits, expected, atol=1e-6, rtol=0)
    plain = models.grown(family, FOLDS[spec])
    assert {name: p.shape for name, p in model.named_parameters()} == {
        name: p.shape for name, p in plain.named_parameters()
    }
    assert {name for name, p in model.named_parameters() if p.requires_grad} == {
        name for name, p in plain.named_parameters() if p.requires_grad
    }


@pytest.mark.parametrize("spec", FOLDS | PRUNES)
def test_what_is_saved_is_the_plain_method(spec: str, tmp_path: Path) -> None:
    model, inputs = models.grown("llama", spec), models.batch("llama")
    fold(model)
    checkpoint.save(model, tmp_path)
    other = models.tiny("llama")
    checkpoint.load(other, tmp_path)
    assert str(attached(other).method) == (FOLDS | PRUNES)[spec]
    assert torch.equal(other(**inputs).logits, model(**inputs).logits)


def test_gates_layers_and_other_terms_stay_as_they_are() -> None:
    model, inputs = models.grown("llama", GATED), models.batch("llama")
    expected, before = model(**inputs).logits, list(attached(model).grafts)
    fold(model)
    assert str(attached(model).method) == "scalar*[series(bottleneck=6)@mlp+prefix(tokens=3)@kv:1]"
    assert list(attached(model).grafts) == [key.replace("mlp_prefix", "prefix") for key in before]
    torch.testing.assert_close(model(**inputs).logits, expected, atol=1e-6, rtol=0)


def test_a_method_that_does_not_act_is_folded_as_well() -> None:
    model, inputs = models.grown("llama", "mlp_prefix(tokens=3,mid=6)"), models.batch("llama")
    expected = model(**inputs).logits
    attach(model, "lora@q", name="other")
    activate(model, "other")
    fold(model, "default")
    assert not any(p.requires_grad for p in attached(model, "default").parameters())
    activate(model, "default")
    torch.testing.assert_close(model(**inputs).logits, expected, atol=1e-6, rtol=0)


def test_every_method_that_folds_is_here() -> None:
    folding = {name: row.module.folds_to for name, row in METHODS.items() if hasattr(row.module, "folds_to")}
    found = {parse(spec).terms[0].name: parse(plain).terms[0].name for spec, plain in (FOLDS | PRUNES).items()}
    assert found == folding


def test_folding_leaves_the_random_state_alone() -> None:
    model = models.grown("llama", "mlp_prefix(tokens=3,mid=6)")
    state = torch.get_rng_state()
    fold(model)
    assert torch.equal(torch.get_rng_state(), state)


def test_where_nothing_can_be_folded_the_error_says_what_can() -> None:
    model = models.grown("llama", "lora@q,v")
    with pytest.raises(FoldError, match="'lora@q,v' has nothing to fold.*mlp_prefix to prefix") as caught:
        fold(model)
    assert isinstance(caught.value, PeltError)


def test_the_plain_method_must_not_be_there_already() -> None:
    model = models.grown("llama", "mlp_prefix(tokens=3,mid=6)+prefix(tokens=2)")
    before = str(attached(model).method)
    with pytest.raises(MethodError, match="'prefix' sits at 'kv' twice"):
        fold(model)
    assert str(attached(model).method) == before
