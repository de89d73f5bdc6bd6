"""The papers' numbers, looked up by our names."""

from pathlib import Path

import pytest

from pelt_core.study.claims.claim import claims
from pelt_core.study.claims.published import NoPublishedResults, NotPublished, Published, read

ROOT = Path(__file__).resolve().parents[1]
FRAME = read(ROOT / "data/published/paper_results.csv")
FEW = Published(FRAME, {"table": "1-low-resource", "setting": "K=100"})


def test_numbers_by_our_names() -> None:
    assert FEW.numbers("apl", ["sst2", "cola"]).to_dict() == {"sst2": 82.36, "cola": 23.62}
    assert FEW.numbers("prefix-50", ["qqp"], "std").to_dict() == {"qqp": 3.18}
    assert len(FEW.numbers("full")) == 8  # without the average


def test_the_average_is_that_of_the_tasks() -> None:
    assert FEW.numbers("adapter").mean() == pytest.approx(FEW.numbers("adapter", ["avg"])["avg"], abs=0.005)


def test_a_backbone_and_a_setting_in_the_name() -> None:
    assert Published(FRAME, {"table": "4-commonsense"}).numbers("parallel on LLaMA-13B", ["avg"])["avg"] == 81.5
    assert Published(FRAME, {"table": "figure-3-configuration"}).numbers("lora at r=8", ["avg"])["avg"] == 60.0


def test_facts() -> None:
    assert FEW.elsewhere("4-efficiency").fact("ap", "training_time") == 55
    with pytest.raises(NotPublished, match="prints 0 numbers 'weight' of ap"):
        FEW.elsewhere("4-efficiency").fact("ap", "weight")


def test_what_is_not_printed_is_refused() -> None:
    with pytest.raises(NotPublished, match="refer to one each"):
        FEW.numbers("apl-nogate")
    with pytest.raises(NotPublished, match="refer to one each"):
        Published(FRAME, {"table": "1-low-resource"}).numbers("apl", ["sst2"])  # one for each K


def test_every_reference_of_a_claim_selects_numbers() -> None:
    for claim in claims():
        own = FRAME
        for column, value in claim.published.items():
            own = own[own[column] == value]
        assert len(own), claim.id


def test_without_the_file_it_says_where_claims_are_judged(tmp_path: Path) -> None:
    with pytest.raises(NoPublishedResults, match="in a clone of the project"):
        read(tmp_path / "none.csv")
