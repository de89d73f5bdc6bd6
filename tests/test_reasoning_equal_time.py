import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from reasoning_rows import study

from pelt_core.report.reasoning import equal_time, figures
from pelt_core.report.reasoning.equal_time import AS_IT, LONGER, Cell
from pelt_core.study.ledger import Ledger

mpl.use("svg")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ledger")


@pytest.fixture(scope="module")
def scores(folder):
    """LoRA is better than the token gate, with as many rows and with more; a series adapter on more rows is not run."""
    usual = "gsm8k:100+mawps-clean:150"
    keep = lambda run: run.train == usual or not run.method.startswith("series")  # noqa: E731
    return study(folder, "equal-time", effects={"lora": -0.3}, keep=keep)


def test_every_cell_stands_under_its_heading(scores):
    found = equal_time.losses(scores)
    assert sorted(zip(found["heading"], found["method"], strict=True)) == [
        (AS_IT, "lora"),
        (AS_IT, "series"),
        (AS_IT, "token"),
        (LONGER, "lora"),
        (LONGER, "series"),
    ]
    more = found.set_index(["heading", "method"])
    assert more.loc[(AS_IT, "token"), "time"] == 100 and more.loc[(LONGER, "series"), "state"] == "not run yet"
    shown = equal_time.table(found)
    assert shown["Time"].tolist().count("") == 1 and "nan" not in shown.to_string()


def test_time_is_that_of_training_seed_by_seed(scores):
    rows = {key: {**row, "seconds": dict(row["seconds"])} for key, row in scores.rows.items()}
    for run in scores.runs:
        if run.key in rows:
            token = scores.names[run.method] == "token"
            rows[run.key]["seconds"] = {"train": (40.0 if token else 10.0) * (1 + run.seed), "evaluate": 1e6}
    usual = next(Cell("token", run.train, run.epochs) for run in scores.runs if run.method.startswith("token"))
    slower = type(scores)(scores.runs, scores.names, rows, Ledger(scores.ledger.folder))
    assert equal_time._percent(slower, usual._replace(method="lora"), usual) == 25


def test_the_combination_is_held_against_every_other_cell(scores):
    found = equal_time.differences(scores).set_index(["heading", "method"])
    assert len(found) == 4 and found.loc[(LONGER, "lora"), "mean"] > 0.2
    assert found.loc[(LONGER, "series"), "state"] == "not run yet"
    figure = figures.differences(found.reset_index(), "difference", "the combination", "the single module")
    plt.close(figure)


def test_the_reading_tells_of_what_is_run(scores, tmp_path):
    said = equal_time.reading(equal_time.losses(scores), equal_time.differences(scores)).data
    assert "less LoRA: +" in said and "1 cell not run yet" in said and "How equal" in said and "nan" not in said
    nothing = study(tmp_path, "equal-time", keep=lambda run: False)
    assert "nothing to read" in equal_time.reading(equal_time.losses(nothing), equal_time.differences(nothing)).data
