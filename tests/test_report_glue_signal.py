"""The page on what the encoder can tell apart, from rows that are made up."""

from pathlib import Path

import pytest
from few_shot_rows import few_shot_row

from pelt_core.report import style
from pelt_core.report.few_shot import figures, glue_signal
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.run import ClassificationRun
from pelt_core.study.scores import Scores, load

SKILLS = {"sst2": 0.7, "rte": 0.0}


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Scores:
    """A task with a signal, one without, six that are not recorded; on SST-2 the mean pools best."""
    ledger = Ledger(tmp_path_factory.mktemp("ledger"))
    for number, run in enumerate(grid("glue-signal", "laptop")):
        if isinstance(run, ClassificationRun) and run.task in SKILLS:
            skill = SKILLS[run.task] - (0.3 if run.pooling == "first" else 0)
            ledger.write(*few_shot_row(run, 200, skill, number))
    return load(["glue-signal"], "laptop", ledger)


def test_each_task_says_whether_it_can_test_a_claim(some: Scores) -> None:
    frame = glue_signal.table(some).set_index("Task")
    assert dict(frame["Can test a claim"].value_counts()) == {"not run yet": 6, "yes": 1, "no": 1}
    assert frame.loc["SST-2", "Full fine-tuning"].endswith(", mean") and frame.loc["RTE", "Can test a claim"] == "no"
    assert frame.loc["SST-2", "Trivial baseline"] == "50.0" and frame.loc["QQP", "Head only"] == "not run yet"


def test_reading_names_the_tasks_and_the_pooling(some: Scores, tmp_path: Path) -> None:
    said = glue_signal.reading(some).data
    assert "**Can test a claim:** SST-2." in said and "**Cannot:** RTE." in said
    assert "**Pooling of Head only**, by development rows: mean on SST-2" in said
    nothing = load(["glue-signal"], "laptop", Ledger(tmp_path))
    assert "nothing is known" in glue_signal.reading(nothing).data
    assert glue_signal.facts(nothing)["telling"] == "none so far"
    assert "at its number of examples" in glue_signal.limit_points(nothing).data
    assert "1 seed" in glue_signal.limit_points(nothing).data


def test_the_figure_groups_by_task(some: Scores, tmp_path: Path) -> None:
    style.use_style()
    for found in (some, load(["glue-signal"], "laptop", Ledger(tmp_path))):
        lines = glue_signal.lines(found)
        headings = [
            text.get_text() for text in figures.scores(lines, "points", glue_signal.baselines(found)).axes[0].texts
        ]
        assert len(lines) == len({(run.task, run.pooling, run.method) for run in found.runs})
        assert {heading.partition(",")[0] for heading in lines["heading"]} <= {
            text.partition(",")[0] for text in headings
        }
