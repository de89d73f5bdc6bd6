"""The page on commonsense, from rows that are made up."""

import numpy as np
import pytest
from answer_rows import fill

from pelt_core.report.missing import NOT_RUN
from pelt_core.report.reasoning import commonsense, figures, published, records
from pelt_core.study.answer_scores import AnswerScores, load
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger

SETS = 8


def cell(frame, heading: str, line: str):
    return frame[(frame["heading"] == heading) & (frame["line"] == line)].iloc[0]


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> AnswerScores:
    """LoRA trained on labels answers more; nothing of the prefix trained on texts."""
    ledger = Ledger(tmp_path_factory.mktemp("ledger"))
    runs = [run for run in grid("commonsense", "laptop") if (run.method, run.prompt) != ("prefix@kv", "cloze@1")]
    better = [run for run in runs if "lora" in run.method and run.prompt == "alpaca@1"]
    fill(ledger, [run for run in runs if run not in better])
    fill(ledger, better, knows={better[0].method: 0.8})
    return load(["commonsense"], "laptop", ledger, "accuracy")


@pytest.fixture(autouse=True)
def at_the_top(monkeypatch, root) -> None:
    monkeypatch.chdir(root)


def test_every_cell_is_read_in_three_ways(scores: AnswerScores) -> None:
    found = commonsense.means(scores)
    assert len(found) == 3 * 11 and list(dict.fromkeys(found["heading"])) == list(commonsense.READINGS.values())
    assert cell(found, "The likeliest label", "LoRA, labels")["mean"] == pytest.approx(50)
    assert cell(found, "The likeliest text", "LoRA, labels")["mean"] > 80
    assert cell(found, "The likeliest text", "Prefix, texts")["state"] == NOT_RUN
    assert cell(found, "The label that is written", "Base model")["format"] == ""
    guessed = commonsense.guess(scores, records.answers(scores))
    assert guessed == pytest.approx(50)
    figures.accuracies(found, dict.fromkeys(commonsense.READINGS.values(), guessed))


def test_formats_are_compared_method_by_method(scores: AnswerScores) -> None:
    found = commonsense.formats(scores)
    assert len(found) == 3 * 5 and found["p"].isna().all(), "one seed is no test"
    assert cell(found, "The label that is written", "LoRA")["mean"] > 40
    assert cell(found, "The likeliest label", "LoRA")["mean"] == 0
    assert cell(found, "The likeliest text", "Prefix")["state"] == NOT_RUN
    table = commonsense.format_table(found).set_index("Method")
    assert list(table.columns) == list(commonsense.READINGS.values()) and set(table.loc["Prefix"]) == {NOT_RUN}
    figures.gains(found, "x", "labels", "texts")


def test_the_table_holds_every_cell_against_a_guess_and_the_base(scores: AnswerScores) -> None:
    table = commonsense.table(commonsense.means(scores), commonsense.gains(scores), 50)
    base, lora = (
        table[(table["Method"] == name) & (table["Trained on"] != "texts")] for name in ("Base model", "LoRA")
    )
    assert set(base["Above the base model"]) == {""} and base["Above the commonest label"].iloc[0].startswith("−")
    assert lora["Above the base model"].iloc[0].startswith("+") and set(table["p, Holm"]) == {""}


def test_sets_that_were_not_trained_on_are_named(scores: AnswerScores) -> None:
    assert commonsense.untrained_sets(scores) == ["hellaswag", "winogrande"]
    written = records.answers(scores)
    table = commonsense.by_set(scores, "cloze", written)
    assert "HellaSwag (not trained on)" in table and "BoolQ" in table and len(table) == 11 + 1
    assert table.iloc[-1]["BoolQ"] == "50.0"
    found = commonsense.transfer(scores)
    one = found[(found["method"] == "lora") & (found["format"] == commonsense.LABELS)].iloc[0]
    assert one["trained"].items == 6 * 30 and one["foreign"].items == 2 * 30
    assert len(commonsense.transfer_table(found)) == 2 * 5


def test_every_set_with_one_train_file_is_trained_on_at_the_published_size(tmp_path) -> None:
    paper = load(["commonsense"], "paper", Ledger(tmp_path), "accuracy")
    assert commonsense.untrained_sets(paper) == ["winogrande"]
    table = commonsense.transfer_table(commonsense.transfer(paper))
    assert set(table["Gain on the others"]) == {NOT_RUN}


def test_ours_stand_below_the_published_table(scores: AnswerScores) -> None:
    table = commonsense.beside_published(scores, records.answers(scores))
    assert table["Method"].iloc[-1] == "Always the commonest label" and table["Mean"].iloc[-1] == "50.0"
    assert float(table["Mean"].iloc[-2]) > 80 and table.shape == (4 * 4 + 3 + 6 + 1, 2 + SETS + 1)
    ours = published.own_lines(scores, [], prompt=commonsense.labelled(scores))
    figures.accuracies(published.beside(ours, published.COMMONSENSE), {ours["heading"].iloc[0]: 50.0})


def test_nothing_recorded_is_said(tmp_path) -> None:
    empty = load(["commonsense"], "laptop", Ledger(tmp_path), "accuracy")
    written = records.answers(empty)
    assert np.isnan(commonsense.guess(empty, written))
    assert set(commonsense.by_set(empty, "label", written).iloc[0][2:]) == {NOT_RUN}
    assert set(commonsense.table(commonsense.means(empty), commonsense.gains(empty), np.nan)["Accuracy"]) == {NOT_RUN}
