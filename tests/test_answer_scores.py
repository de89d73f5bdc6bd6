"""Studies of answers as tables, from rows that are made up."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import fill

from pelt_core.study import answer_scores
from pelt_core.study.answer_scores import AnswerScores, load, measured
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.run import AnswerRun


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> AnswerScores:
    """The placement study with two seeds, but for the second one of LoRA at both places."""
    ledger = Ledger(tmp_path_factory.mktemp("ledger"))
    fill(ledger, grid("placement", "laptop")[:-1], effects={"series@attn": -0.2})
    return load(["placement"], "laptop", ledger)


def test_a_line_a_finished_run_by_the_name_that_the_preset_gives_it(scores: AnswerScores) -> None:
    table = scores.by("accuracy").table
    assert len(table) == len(scores.runs) - 1 == len(scores.runs) - len(scores.missing)
    row = scores.rows[table["key"].iloc[3]]
    assert table["score"].iloc[3] == pytest.approx(100 * np.mean(list(row["metrics"]["accuracy"].values())))
    assert {"none", "lora-both", "series-mlp"} <= set(table["method"]) and (table["seed"] < 2).all()


def test_values_are_by_data_set_and_item_a_column_a_seed(scores: AnswerScores) -> None:
    values = scores.values(method="series-attention")
    assert list(values.columns) == [0, 1] and values.index.names == ["task", "id"]
    assert set(values.index.get_level_values("task")) == set(scores.tasks) == {"gsm8k", "svamp"}
    run = next(run for run in scores.runs if run.method == "series@attn" and run.seed == 1)
    item = next(item for item in scores.ledger.items(run) if item["id"] == "svamp-3")
    assert values.loc[("svamp", "svamp-3"), 1] == item["loss"]
    assert len(scores.values("svamp", method="series-attention")) == len(values) / 2
    assert set(scores.by("accuracy").values(method="lora-mlp").to_numpy().ravel()) == {0.0, 100.0}


def test_the_untrained_backbone_is_the_same_with_every_seed(scores: AnswerScores) -> None:
    values = scores.values(method="none")
    assert list(values.columns) == [0, 1] and values[0].equals(values[1])
    assert list(scores.values(method="lora-both").columns) == [0]


def test_what_nobody_measured_is_not_there(scores: AnswerScores) -> None:
    forgotten = scores.by("text_loss")
    assert forgotten.tasks == [] and forgotten.table["score"].isna().all()
    assert forgotten.values(method="none").empty and scores.values(method="prefix").empty


def test_several_runs_of_one_seed_are_no_cell(scores: AnswerScores) -> None:
    with pytest.raises(ValueError, match="several runs of one seed, which differ in method"):
        scores.values(method=["series-mlp", "lora-mlp"])


def test_a_run_says_where_it_takes_a_measure() -> None:
    base = grid("placement", "laptop")[0]
    assert isinstance(base, AnswerRun)
    run = replace(base, evaluate=("svamp",), loss_sets=("gsm8k/dev",), texts="glue-qnli")
    found = {name: measured(run, name) for name in answer_scores.MEASURES}
    assert found.pop("loss") == ("gsm8k/dev",) and found.pop("text_loss") == ("glue-qnli",)
    assert set(found.values()) == {("svamp",)}
