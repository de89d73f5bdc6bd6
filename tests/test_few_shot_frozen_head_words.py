"""The page on the frozen head weighs the evidence that the rows hold."""

import re
from pathlib import Path

from few_shot_rows import few_shot_row
from gate_rows import frozen_study, nothing

from pelt_core.report.few_shot import frozen_head, frozen_head_words
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.scores import load


def test_lines_stand_under_what_the_released_code_does() -> None:
    found = frozen_head_words.lines(frozen_study())
    headings = found.groupby("heading")["method"].apply(list).to_dict()
    assert headings["Head frozen in UniPELT's code"] == ["bitfit", "prefix", "lora"]
    assert len(found) == 7 and (found["runs"] == 4).all()
    assert set(frozen_head_words.lines(nothing("frozen-head"))["state"]) == {"not run yet"}


def test_the_reading_counts_collapses_and_where_they_are() -> None:
    study = frozen_study()
    said = frozen_head_words.reading(study, frozen_head.beside(study, study)).data
    assert (
        "8 of 12 runs (67 %) with a frozen head give all test rows one answer" in said
        and "at or below the trivial" in said
    )
    assert (
        "in brackets what other shuffles of these tasks could give" in said
        and "Freezing makes collapses more frequent" in said
    )
    assert "*Prefix* on MRPC" in said and "*BitFit* on MRPC" not in said
    assert "which a frozen head cannot explain" in said and "nan" not in said


def test_published_collapses_are_counted_before_ours_are_recorded(tmp_path: Path) -> None:
    for run in grid("frozen-head", "paper", seeds=[0], where={"task": ["rte"]}, only=["bitfit"]):
        Ledger(tmp_path).write(*few_shot_row(run))
    study = load(["frozen-head"], "paper", Ledger(tmp_path))
    said = frozen_head_words.reading(study, frozen_head.beside(study, frozen_study())).data
    some = frozen_head_words.reading(frozen_study(), frozen_head.beside(frozen_study(), frozen_study())).data
    count = re.compile(r"(\d+) published cells of these methods look")
    assert int(count.findall(said)[0]) >= int(count.findall(some)[0]) > 0


def test_tables_count_runs_and_name_published_cells() -> None:
    study = frozen_study()
    beside = frozen_head.beside(study, study)
    table = frozen_head_words.collapse_table(study, beside).set_index("Method")
    assert (
        table.loc["LoRA", "One answer, head frozen"] == "4 of 4"
        and table.loc["LoRA", "In the released code"] == "head frozen"
    )
    assert table.loc["LoRA", "At or below the baseline, head frozen"] == "4 of 4"
    assert table.loc["LoRA", "Published cells"] == "1 of 3"  # one looks collapsed on a task without a run
    assert table.loc["Full fine-tuning", "One answer, head frozen"] == "0 of 4"
    cells = frozen_head_words.published_table(frozen_head.published(study, study), beside)
    prefix = cells[(cells["Method"] == "Prefix") & (cells["Task"] == "MRPC")].iloc[0]
    assert prefix["Published"] == "81.22 ± 0.00" and prefix["Ours, head frozen"] == (
        "of 2 runs 2 one answer, 2 at or below the baseline"
    )
    tasks = frozen_head_words.tasks_table(frozen_head.by_task(study))
    assert tasks["CoLA"].eq("not run yet").all() and tasks.loc[tasks["Method"] == "LoRA", "SST-2"].item().startswith(
        "−"
    )


def test_without_rows_nothing_is_said() -> None:
    empty = nothing("frozen-head")
    beside = frozen_head.beside(empty, empty)
    assert "nothing to read" in frozen_head_words.reading(empty, beside).data
    assert frozen_head_words.facts(empty, beside)["frozen_cost_others"] == "not run yet"
    assert frozen_head_words.collapse_table(empty, beside)["One answer, head frozen"].eq("0 of 0").all()
    assert (
        frozen_head_words.published_table(frozen_head.published(empty, empty), beside)["Ours, head frozen"]
        .eq("not run yet")
        .all()
    )


def test_limits_and_facts() -> None:
    study = frozen_study()
    for own, poolings in ((study, "`first`"), (nothing("frozen-head"), "`mean` and `pair`")):
        assert poolings in frozen_head_words.limit_points(own, nothing("glue-signal")).data
    assert "those that did best with trained heads" in frozen_head_words.limit_points(study, study).data
    found = frozen_head_words.facts(study, frozen_head.beside(study, study))
    assert found["frozen_cost_without_adapter"].startswith("−") and found["frozen_recorded"].endswith(
        f"of {len(study.runs)}"
    )
