"""The sentences on kinds of errors follow the rows."""

import answer_rows

from pelt_core.report.reasoning import errors, errors_words, limits, records
from pelt_core.study.answer_scores import load
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger


def said(folder, runs, knows=None) -> str:
    answer_rows.fill(Ledger(folder), runs, knows=knows)
    study = load(["arithmetic"], "laptop", Ledger(folder))
    found = errors.classified(records.answers(study))
    return errors_words.reading(study, found, errors.shares(study, found)).data


def test_what_training_changes_and_what_a_calculator_would(tmp_path) -> None:
    text = said(tmp_path, grid("arithmetic", "laptop"), {"full": 0.5})
    assert "from the base model to the mean of 5 methods: right 20 to 28 %" in text
    assert "*Base model* 20.0 to 40.0 % (20.0 gained, 0.0 lost)" in text
    assert "Of 600" not in text and "Of 180 questions that 6 methods answered with seed 0" in text
    assert "right with one alone: *Base model* 0, *Full fine-tuning*" in text and "nan" not in text


def test_a_calculator_loses_right_answers_whose_last_equation_gives_another_number(tmp_path, monkeypatch) -> None:
    lucky = "3 + 4 = 7, or so. The answer is {gold}."
    monkeypatch.setitem(answer_rows.WRITTEN, "number", (lucky, *answer_rows.NUMBERS[1:]))
    assert "*Base model* 20.0 to 20.0 % (20.0 gained, 20.0 lost)" in said(tmp_path, grid("arithmetic", "laptop")[:1])


def test_one_method_alone(tmp_path) -> None:
    text = said(tmp_path, grid("arithmetic", "laptop")[:1])
    assert "What training changes" not in text and "The same questions" not in text and "20.0 to 40.0" in text


def test_nothing_recorded(tmp_path) -> None:
    assert said(tmp_path, []).startswith("There is nothing to read yet")


def test_limits_without_a_resolution(tmp_path) -> None:
    study = load(["arithmetic"], "laptop", Ledger(tmp_path), "accuracy")
    text = limits.limits(study, None, errors_words.limits()).data
    assert "No question is judged by hand" in text and "Resolution" not in text
