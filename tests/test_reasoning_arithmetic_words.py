"""The sentences on arithmetic follow the rows."""

import pytest
from answer_rows import fill

from pelt_core.report.reasoning import arithmetic, arithmetic_words, limits, records
from pelt_core.report.reasoning.rates import Tried
from pelt_core.study.answer_scores import load
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger

LORA = "lora(rank=32,alpha=64)@q,k,v,up,down"


@pytest.fixture(autouse=True)
def at_the_top(monkeypatch, root) -> None:
    monkeypatch.chdir(root)


def said(folder, runs, knows=None) -> str:
    fill(Ledger(folder), runs, knows=knows)
    study = load(["arithmetic"], "laptop", Ledger(folder))
    written = records.answers(study)
    both = (arithmetic.comparisons(study.by(name)) for name in ("loss", "accuracy"))
    return arithmetic_words.reading(study, written, *both, arithmetic.orders(study)).data


def test_the_best_is_named_and_told_apart(tmp_path) -> None:
    text = said(tmp_path, grid("arithmetic", "laptop"), {LORA: 0.9})
    assert "LoRA has the best answer loss" in text and "LoRA has the best accuracy" in text
    assert "LoRA before Prefix" in text and "1 of 5 are better than the base model (LoRA)" in text
    assert "there are 24 orders in all" in text and "nan" not in text


def test_equals_are_not_ranked(tmp_path) -> None:
    text = said(tmp_path, grid("arithmetic", "laptop"))
    assert "Of 5 trained methods recorded, all have the same accuracy" in text
    assert "Of ours there is no order" not in text, "losses still differ"


def test_one_seed_and_missing_methods(tmp_path) -> None:
    runs = [run for run in grid("arithmetic", "laptop") if run.seed == 0 and run.method in ("none", LORA)]
    text = said(tmp_path, runs)
    assert "Nothing is tested yet" in text and "Of ours there is no order: not run yet" in text


def test_nothing_recorded(tmp_path) -> None:
    assert said(tmp_path, []).startswith("There is nothing to read yet")


def test_limits_name_the_sets_without_a_training_row(tmp_path) -> None:
    study = load(["arithmetic"], "laptop", Ledger(tmp_path))
    text = limits.limits(study, arithmetic.comparisons(study), arithmetic_words.limits(study, {})).data
    assert "The rates of Series adapter, Parallel adapter and LoRA were chosen" in text
    assert "No search for rates of these modules" in text
    assert "No training row is of SVAMP, MultiArith, AddSub, SingleEq and AQuA" in text
    paper = load(["arithmetic"], "paper", Ledger(tmp_path))
    assert "No training row is of SVAMP, MultiArith, AddSub and SingleEq;" in " ".join(
        arithmetic_words.limits(paper, {})
    )


def test_limits_lay_the_searched_rates_beside_those_in_use(tmp_path) -> None:
    study = load(["arithmetic"], "laptop", Ledger(tmp_path))
    found = {"series": Tried((1e-3, 3e-3), 3e-3), "prefix": Tried((0.1, 0.3, 1.0), 0.3)}
    text = " ".join(arithmetic_words.limits(study, found))
    assert "best for Prefix 0.3 of 3 rates, the one used here; for Series adapter 0.003 of 2 rates, here 0.001." in text
    assert "None is recorded for Full fine-tuning, Parallel adapter and LoRA" in text


def test_the_resolution_is_in_the_unit_of_the_measure(tmp_path) -> None:
    fill(Ledger(tmp_path), grid("arithmetic", "laptop"))
    study = load(["arithmetic"], "laptop", Ledger(tmp_path))
    said = {
        name: limits.limits(study.by(name), arithmetic.comparisons(study.by(name))).data
        for name in ("loss", "accuracy")
    }
    assert "nats per token, the median" in said["loss"] and "points, the median" in said["accuracy"]
