"""Tables of few-example runs, from rows and records that are made up."""

from pathlib import Path

import numpy as np
import pytest
from few_shot_rows import few_shot_row

from pelt_core.data.glue.metrics import metric
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.run import ClassificationRun
from pelt_core.study.scores import Scores, load


@pytest.fixture
def scores(tmp_path: Path) -> Scores:
    ledger = Ledger(tmp_path)
    for run in grid("low-resource", "smoke"):
        assert isinstance(run, ClassificationRun)
        if "prefix" not in run.method:
            ledger.write(*few_shot_row(run))
    return load(["low-resource"], "smoke", ledger)


def test_methods_have_the_names_of_the_preset(scores: Scores) -> None:
    assert set(scores.table["method"]) == {"full", "head", "bitfit", "adapter", "lora"}
    assert {scores.names[run.method] for run in scores.missing} == {"prefix", "ap", "ap-nogate", "apl", "apl-nogate"}


def test_the_mean_of_the_values_is_the_score(scores: Scores) -> None:
    values = scores.values(method="lora")
    own = scores.table[scores.table["method"] == "lora"].set_index("seed")["score"]
    np.testing.assert_allclose(values.mean(), own[values.columns])
    assert list(values.columns) == [0, 1] and set(values.index.get_level_values("task")) == {"paraphrase"}


def test_a_selection_must_leave_one_run_a_seed(scores: Scores) -> None:
    with pytest.raises(ValueError, match="which differ in method"):
        scores.values(examples=8)


def test_what_is_not_recorded_has_no_values(scores: Scores) -> None:
    assert scores.values(method="apl").empty


def test_the_baseline_reads_no_text(scores: Scores) -> None:
    gold = [item["gold"] for item in scores.ledger.items(scores.runs[0])]
    best = max(metric("paraphrase", [guess] * len(gold), gold)["accuracy"] for guess in (0, 1))
    assert scores.baseline("paraphrase") == pytest.approx(100 * best)
    assert np.isnan(scores.baseline("cola"))
    for run in scores.runs:
        scores.ledger.items_path(run.key).unlink(missing_ok=True)
    assert scores.baseline("paraphrase") == pytest.approx(100 * best)  # nothing is read again
