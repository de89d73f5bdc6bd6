"""The front page's parts, over a book with few pages: what is not made yet is not spoken of."""

import nbformat
import pandas as pd
import pelt_front
import pytest

CONTENTS = "format: jb-book\nparts:\n  - chapters:\n"


@pytest.fixture
def book(tmp_path):
    """A book; call it with a page and what it glued."""
    (tmp_path / "_toc.yml").write_text(CONTENTS)
    (tmp_path / "studies").mkdir()

    def with_page(name, glued):
        outputs = [
            nbformat.v4.new_output(
                "display_data", data={pelt_front.GLUED: repr(value)}, metadata={"scrapbook": {"name": key}}
            )
            for key, value in glued.items()
        ]
        cell = nbformat.v4.new_code_cell("", outputs=outputs, id="glue")
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "studies" / f"{name}.ipynb")
        with (tmp_path / "_toc.yml").open("a") as contents:
            contents.write(f"      - file: studies/{name}\n")
        return tmp_path

    with_page.empty = tmp_path
    return with_page


def test_a_book_without_studies_has_no_findings(book):
    assert pelt_front.findings(book.empty) == "No study is recorded yet."
    assert pelt_front.claims_in_short(book.empty) == "The page on claims is not made yet."
    assert "grid-item-card" not in pelt_front.studies(book.empty)


def test_what_a_page_glued_is_read_as_it_was(book):
    page = book("placement", {"lowest_cell": "LoRA's best", "seeds": 2}) / "studies" / "placement.ipynb"
    assert pelt_front.facts(page) == {"lowest_cell": "LoRA's best", "seeds": "2"}


def test_findings_are_those_whose_runs_are_recorded(book):
    folder = book("placement", {"lowest_loss": "not run yet", "lowest_cell": "not run yet", "base_loss": "1.2"})
    assert pelt_front.findings(folder) == "No study is recorded yet."
    best = {"best_1000": "LoRA", "tasks_1000": "SST-2 and QQP", "lead_1000": "+0.1", "best_100": "not run yet"}
    said = pelt_front.findings(
        book("low-resource", {**best, "gate_apl": "+0.5", "gate_ap": "not run yet"})
    ).splitlines()
    first = "- **Highest mean score**: with 1,000 examples LoRA, over SST-2 and QQP, ahead of the next by +0.1."
    assert said[0].startswith(first)
    assert "changes the score by +0.5" in said[1] and said[1].endswith("{doc}`More <studies/low-resource>`")
    assert len(said) == 2


def test_decided_claims_are_told_apart_by_what_they_are_about(book):
    glued = {"claims_all": "51", "claims_counts": "7 are supported", "claims_decided": " Supported are 5 on time."}
    (said,) = pelt_front.findings(book("claims", glued)).splitlines()
    assert "**Of 51 claims of the two papers**, 7 are supported. Supported are 5 on time." in said


def test_the_studies_of_reasoning_have_findings_once_they_are_recorded(book):
    book("causal-gates", {"gated": "−0.010", "ungated": "not run yet", "best_part": "not run yet"})
    book("id-ood", {"mix": "MAWPS", "leaked": "−0.300", "clean_gain": "−0.500"})
    said = pelt_front.findings(
        book("commonsense", {"best": "LoRA", "best_score": "40.0", "base_score": "30.0", "guessed": "41.0"})
    ).splitlines()
    assert len(said) == 3 and "(LoRA)" in said[0] and "41.0 %" in said[0]
    assert "by −0.300; as many other problems" in said[1] and "by −0.010, against the three" in said[2]


def test_claims_that_differ_in_a_condition_share_a_line(book):
    verdicts = {"claim_gain_100": "supported", "claim_gain_500": "supported", "claim_gain_1000": "contradicted"}
    same = {f"claim_gate_apl_{size}": "supported" for size in (100, 500, 1000)}
    lines = pelt_front.claims_in_short(book("claims", verdicts | same)).splitlines()
    gain = next(line for line in lines if "points above the best" in line)
    assert gain.startswith("| UniPELT (APL) is") and gain.endswith(
        "| **supported** (100, 500); **contradicted** (1,000) |"
    )
    assert next(line for line in lines if "three without gates" in line).endswith("| **supported** |")
    assert next(line for line in lines if "trains faster" in line).endswith("| **not run yet** |")


def test_every_claim_in_short_is_one_of_the_claims(book):
    assert len(pelt_front.claims_in_short(book("claims", {})).splitlines()) == 2 + len(pelt_front.IN_SHORT)


def test_every_study_with_a_page_has_a_card(book):
    book("placement", {})
    cards = pelt_front.studies(book("low-resource", {}))
    assert (
        cards.count("grid-item-card") == 2
        and ":link: studies/placement" in cards
        and ":link: studies/low-resource" in cards
    )


def test_the_cards_count_runs_hours_and_decided_claims(book):
    runs = pd.DataFrame(
        {
            "method": ["lora(rank=8)@q,v", "lora(rank=4)@q,v+prefix(tokens=2)", "none"],
            "train_seconds": [3600.0, 7000.0, None],
            "evaluate_seconds": [200.0, 0, 0],
        }
    )
    counted = {
        **{"claims_quality": "45", "claims_quality_decided": "2"},
        **{"claims_cost": "6", "claims_cost_decided": "5"},
    }
    said = pelt_front.cards(book("claims", counted), runs)
    for number in (
        "grid-item-card} 3\n",
        "grid-item-card} 2\n",
        "grid-item-card} 3 hours\n",
        "grid-item-card} 2 of 45\n",
        "on scores or losses decided here, for or against; of those on parameters or time 5 of 6",
        "of computing, added up over the runs of all studies",
    ):
        assert number in said
    assert pelt_front.cards(book.empty / "elsewhere", runs).count("grid-item-card") == 3
