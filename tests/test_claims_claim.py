"""Claims as data."""

import re

import pytest

from pelt_core.study.claims.claim import BadClaim, UnknownClaim, chosen, claims, parsed
from pelt_core.study.claims.judge import COST, KINDS
from pelt_core.study.grids import STUDIES

ENTRY = {
    "id": "a",
    "title": "A",
    "paper": "unipelt",
    "where": "table 1",
    "says": "A.",
    "tested": "B.",
    "test": {"kind": "contrast"},
}


def test_every_claim_has_a_kind_and_a_study_that_exist() -> None:
    for claim in claims():
        assert claim.test["kind"] in KINDS, claim.id
        assert claim.study in {*STUDIES, "efficiency", "parameters", ""}, claim.id
        assert claim.paper in ("unipelt", "llm-adapters")
        assert claim.family and not re.search(
            r"[{}]", f"{claim}".replace(str(claim.test), "").replace(str(claim.published), "")
        )


def test_both_papers_claim_something_that_is_tested() -> None:
    tested = {claim.paper for claim in claims() if claim.study}
    assert tested == {"unipelt", "llm-adapters"}


def test_for_makes_a_claim_of_each_value() -> None:
    entry = {
        **ENTRY,
        "id": "a-{examples}",
        "title": "A, {examples}",
        "says": "With {examples}.",
        "test": {"kind": "contrast", "examples": "{examples}"},
    }
    one, two = parsed([{"for": {"examples": [100, 500]}, **entry}])
    assert (one.id, two.id) == ("a-100", "a-500")
    assert (one.says, two.test["examples"]) == ("With 100.", 500)
    assert one.family == two.family == one.group == two.group == "a"
    assert (one.condition, two.condition) == ("100", "500")


@pytest.mark.parametrize(
    "entry, complaint",
    [({**ENTRY, "wher": "x"}, "unknown field 'wher'"), ({k: v for k, v in ENTRY.items() if k != "test"}, "no 'test'")],
)
def test_a_wrong_field_is_refused(entry: dict[str, object], complaint: str) -> None:
    with pytest.raises(BadClaim, match=complaint):
        parsed([entry])


def test_two_claims_of_one_id_or_title_are_refused() -> None:
    with pytest.raises(BadClaim, match="several claims have the id 'a'"):
        parsed([ENTRY, ENTRY])
    with pytest.raises(BadClaim, match="several claims have the title 'A'"):
        parsed([ENTRY, {**ENTRY, "id": "b"}])


def test_titles_are_short() -> None:
    assert max(len(claim.title) for claim in claims()) < 50


def test_claims_on_costs_are_those_that_train_nothing() -> None:
    costs = {claim.id for claim in claims() if KINDS[claim.test["kind"]].about == COST}
    sizes = {"parameter-counts", "trained-share-llama-7b", "trained-share-llama-13b"}
    assert costs == sizes | {"trains-faster", "infers-slower"}


def test_chosen_by_id() -> None:
    assert [claim.id for claim in chosen(["lora-scale", "parameter-counts"])] == ["lora-scale", "parameter-counts"]
    assert chosen([]) == claims()
    with pytest.raises(UnknownClaim, match="there is no claim 'gat'; choose among: best-on-average-100"):
        chosen(["gat"])
