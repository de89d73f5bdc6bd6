"""Every method on every family: see `contracts.py` for what is asked of them."""

from __future__ import annotations

from collections.abc import Iterable

import contracts
import models
import pytest
import torch
from models import FAMILIES, GENERATORS, GROWN, IN_PLACE, LORA, MERGEABLE, NEUTRAL, SPECS, SUM, SWITCHABLE
from torch import Tensor

from pelt_core.anatomy import ANATOMIES
from pelt_core.methods import METHODS
from pelt_core.modules.vectors import IA3
from pelt_core.specification import parse


def over(families: Iterable[str], specs: Iterable[str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("family", "spec"), models.pairs(families, specs))


@over(FAMILIES, [*NEUTRAL, *IN_PLACE, "none"])
def test_starts_as_the_backbone(family: str, spec: str) -> None:
    contracts.starts_as_the_backbone(family, spec)


@over(FAMILIES, [spec for spec in SPECS if spec != "none"])
def test_acts_once_trained(family: str, spec: str) -> None:
    contracts.acts_once_trained(family, spec)


@over(FAMILIES, [spec for spec in SPECS if spec != "none"])
def test_trains_only_itself(family: str, spec: str) -> None:
    contracts.trains_only_itself(family, spec)


@over(FAMILIES, SPECS)
def test_detaches_without_a_trace(family: str, spec: str) -> None:
    contracts.detaches_without_a_trace(family, spec)


@over(GENERATORS, GROWN)
def test_generates_alike_with_and_without_cache(family: str, spec: str) -> None:
    contracts.generates_alike_with_and_without_cache(family, spec)


@over(GENERATORS, [SUM])
def test_searches_beams_alike_with_and_without_cache(family: str, spec: str) -> None:
    contracts.generates_alike_with_and_without_cache(family, spec, num_beams=3)


@over(["llama", "mistral", "gpt2", "opt"], [SUM])
def test_generates_alike_with_a_static_cache(family: str, spec: str) -> None:
    static = {"cache_implementation": "static", "disable_compile": True}
    contracts.generates_alike_with_and_without_cache(family, spec, **static)


@over(FAMILIES, GROWN)
def test_padding_changes_nothing(family: str, spec: str) -> None:
    contracts.padding_changes_nothing(family, spec)


@over(GENERATORS, GROWN)
def test_no_token_sees_the_future(family: str, spec: str) -> None:
    contracts.no_token_sees_the_future(family, spec)


@over(FAMILIES, GROWN)
def test_trains_alike_under_gradient_checkpointing(family: str, spec: str) -> None:
    contracts.trains_alike_under_gradient_checkpointing(family, spec)


@over(FAMILIES, GROWN)
def test_trains_in_fp32_over_bf16(family: str, spec: str) -> None:
    contracts.trains_in_fp32_over_bf16(family, spec)


@over(["bert", "llama", "gpt2", "t5"], GROWN)
def test_trains_after_a_cast_of_all(family: str, spec: str) -> None:
    contracts.trains_after_a_cast_of_all(family, spec)


def test_a_small_effect_that_is_lost_over_bf16_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its gradients are right, and the logits are off by less than a twentieth."""

    def lost(self: IA3, x: Tensor, y: Tensor) -> Tensor:
        change = self.l.to(y.dtype) * y
        return change if y.dtype is torch.float32 else change - change.detach()

    monkeypatch.setattr(IA3, "forward", lost)
    with pytest.raises(AssertionError, match="off an effect of"):
        contracts.trains_in_fp32_over_bf16("llama", "ia3")


@over(FAMILIES, SPECS)
def test_saves_what_was_trained_and_nothing_else(family: str, spec: str) -> None:
    contracts.saves_what_was_trained_and_nothing_else(family, spec)


@over(FAMILIES, MERGEABLE)
def test_merges_into_the_weights(family: str, spec: str) -> None:
    contracts.merges_into_the_weights(family, spec)


@over(FAMILIES, [spec for spec in GROWN if not all(term.entry.mergeable for term in parse(spec).terms)])
def test_refuses_to_merge(family: str, spec: str) -> None:
    contracts.refuses_to_merge(family, spec)


@over(FAMILIES, GROWN)
def test_copies_stand_alone(family: str, spec: str) -> None:
    contracts.copies_stand_alone(family, spec)


@over(FAMILIES, [LORA, SUM])
def test_pickles(family: str, spec: str) -> None:
    contracts.pickles(family, spec)


@pytest.mark.filterwarnings("ignore:.*Function.*should not be instantiated")  # BLOOM's own GELU
@pytest.mark.parametrize(
    ("family", "spec"),
    [*models.pairs(["llama"], GROWN), *models.pairs(["bloom", "t5"], [LORA, SUM])],  # every delta, every wiring
)
def test_compiles(family: str, spec: str) -> None:
    contracts.compiles(family, spec)


@over(SWITCHABLE, GROWN)
def test_attends_alike_in_eager_and_sdpa(family: str, spec: str) -> None:
    contracts.attends_alike_in_eager_and_sdpa(family, spec)


@pytest.mark.parametrize(
    ("family", "spec"), [(family, spec) for spec, some in models.REFUSED.items() for family in some]
)
def test_what_makes_no_sense_is_refused(family: str, spec: str) -> None:
    contracts.refuses_to_attach(family, spec)


@pytest.mark.parametrize("family", models.VARIANTS)
def test_variants_of_a_family(family: str) -> None:
    contracts.starts_as_the_backbone(family, LORA)
    contracts.no_token_sees_the_future(family, SUM)
    contracts.padding_changes_nothing(family, SUM)
    contracts.generates_alike_with_and_without_cache(family, SUM)


def test_every_method_is_here() -> None:
    assert {term.name for spec in SPECS for term in parse(spec).terms} == set(METHODS)


def test_every_family_is_here() -> None:
    assert set(models.FAMILIES) == set(ANATOMIES) == set(models.HEADS)
