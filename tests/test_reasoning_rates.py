"""The search for learning rates on the backbone of a study, from made-up rows."""

from copy import deepcopy

import pytest
from synthetic import fill

from pelt_core.report.reasoning import rates
from pelt_core.report.reasoning.rates import Tried
from pelt_core.study import presets
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger

BACKBONE = "owner/model-1b"
MINE = {"backbone": BACKBONE}


@pytest.fixture
def record(tmp_path):
    """Writes rows of the search whose losses are made up."""

    def recorded(runs, loss):
        ledger, scratch = Ledger(tmp_path / "rows"), Ledger(tmp_path / "scratch")
        fill(scratch, runs, questions=1)
        for run in runs:
            row, found = scratch.read([run])[0], loss(run)
            losses = {"answer_loss": dict.fromkeys(run.loss_sets, found)}
            changed = {"metrics": row["metrics"] | losses} if found else {"metrics": {}, "status": "diverged"}
            ledger.write(row | changed, scratch.items(run))
        return ledger

    return recorded


def test_the_best_rate_of_each_kind_has_the_lowest_loss(record):
    searched = grid("answer-recipe", "laptop", overrides=MINE)
    ledger = record(searched, lambda run: abs(run.learning_rate - 3e-3) + 1 if run.learning_rate < 1e-2 else None)
    found = rates.tried(BACKBONE, "laptop", ledger)
    assert found["lora"] == Tried((3e-4, 1e-3, 3e-3, 1e-2), 3e-3)
    assert found["parallel"] == Tried((1e-3, 3e-3, 1e-2, 3e-2), 3e-3)
    assert found["prompt"] == Tried((1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0), None)
    assert {"series", "prefix"} < set(found)


def test_a_search_on_another_backbone_or_of_another_preset_does_not_count(record):
    ledger = record(grid("answer-recipe", "laptop"), lambda run: 1.0)
    assert rates.tried(BACKBONE, "laptop", ledger) == {}
    assert (
        rates.tried(BACKBONE, "smoke", record(grid("answer-recipe", "laptop", overrides=MINE), lambda run: 1.0)) == {}
    )


def test_a_preset_without_the_search_has_tried_nothing(record, monkeypatch):
    said = deepcopy(presets.presets())
    del said["smoke"]["answers"]["studies"]["answer-recipe"]
    monkeypatch.setattr(presets, "presets", lambda: said)
    assert rates.tried(BACKBONE, "smoke", record([], lambda run: 1.0)) == {}
