"""The sentences on commonsense follow the rows."""

import pytest
from answer_rows import fill

from pelt_core.report.reasoning import commonsense, commonsense_words, limits, records
from pelt_core.study.answer_scores import load
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger

LORA = "lora(rank=10,alpha=20)@q,k,v,up,down"


@pytest.fixture(autouse=True)
def at_the_top(monkeypatch, root) -> None:
    monkeypatch.chdir(root)


def said(folder, runs, knows=None) -> str:
    fill(Ledger(folder), runs, knows=knows)
    study = load(["commonsense"], "laptop", Ledger(folder), "accuracy")
    guessed = commonsense.guess(study, records.answers(study))
    formats, transfer = commonsense.formats(study), commonsense.transfer(study)
    return commonsense_words.reading(study, commonsense.means(study), formats, transfer, guessed).data


def test_each_reading_and_format_has_a_sentence(tmp_path) -> None:
    text = said(tmp_path, grid("commonsense", "laptop"), {LORA: 0.9})
    assert "**The label that is written.** Of 10 trained cells, 2 lie with their whole interval above the 50.0" in text
    assert "**Format, by the likeliest text.** Training on labels instead of texts makes +0.0 points" in text
    assert "On HellaSwag and WinoGrande, of which no row was trained on" in text
    assert "**Reading alone.** The same untrained model scores" in text and "nan" not in text


def test_a_part_of_the_runs(tmp_path) -> None:
    text = said(tmp_path, grid("commonsense", "laptop")[:3])
    assert "**Format" not in text and "Of 2 trained cells" in text and "nan" not in text


def test_nothing_recorded(tmp_path) -> None:
    assert said(tmp_path, []).startswith("There is nothing to read yet")


def test_limits(tmp_path) -> None:
    study = load(["commonsense"], "laptop", Ledger(tmp_path), "accuracy")
    text = limits.limits(study, commonsense.gains(study), commonsense_words.limits(study)).data
    assert "HellaSwag and WinoGrande: asked" in text and "nats" not in text
