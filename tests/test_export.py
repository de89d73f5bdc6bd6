"""The flat table of made-up runs of both kinds."""

from dataclasses import fields

import few_shot_rows
import pandas as pd
import pytest
import synthetic

from pelt_core.study import export
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.run import AnswerRun, ClassificationRun

PLACED, SIGNAL = grid("placement", "smoke")[:3], grid("low-resource", "smoke")[:4]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    """Three runs of questions, four of a task, of which one serves no study of the preset, and one that diverged."""
    made = Ledger(tmp_path_factory.mktemp("ledger"))
    synthetic.fill(made, PLACED, questions=4)
    few_shot_rows.fill(made, SIGNAL[:3], items=8)
    foreign = ClassificationRun(**{**SIGNAL[0].to_dict(), "seed": 77, "method": "lora+ia3"})
    few_shot_rows.fill(made, [foreign], items=8)
    row, _ = few_shot_rows.few_shot_row(SIGNAL[3], items=8)
    made.write({**row, "status": "diverged", "metrics": {}, "seconds": {"train": 1.0}}, [])
    return made


@pytest.fixture(scope="module")
def table(ledger):
    return export.table(ledger, "smoke").set_index("key", drop=False)


def test_every_run_is_a_line_and_every_column_is_described(table):
    assert len(table) == 8 and table["key"].is_unique
    by_set = ["accuracy_arithmetic", "loss_arithmetic"]
    assert [*table.columns] == [name for name in export.columns() if name not in export.BY_SET] + by_set
    assert all(
        column.text.endswith(".") and column.text[0] in "`" + column.text[0].upper()
        for column in export.columns().values()
    )


def test_every_field_of_a_run_is_a_column_of_its_type(table):
    for run in (PLACED[1], SIGNAL[1]):
        line = table.loc[run.key]
        for field in fields(run):
            value = getattr(run, field.name)
            assert line[field.name] == ("+".join(value) if isinstance(value, tuple) else value), field.name
        other = AnswerRun if isinstance(run, ClassificationRun) else ClassificationRun
        lacking = {field.name for field in fields(other)} - {field.name for field in fields(run)}
        assert line[list(lacking)].isna().all()
    assert str(table["weight_decay"].dtype) == "Float64" and str(table["examples"].dtype) == "Int64"


def test_scores_are_those_of_the_rows(ledger, table):
    row, line = ledger.read([SIGNAL[0]])[0], table.loc[SIGNAL[0].key]
    assert line["metric"] == "accuracy" and line["score"] == row["metrics"]["accuracy"]["paraphrase"]
    assert line["loss"] == row["metrics"]["loss"]["paraphrase"] and line["train_seconds"] == 10
    row, line = ledger.read([PLACED[0]])[0], table.loc[PLACED[0].key]
    assert line["score"] == line["accuracy_arithmetic"] == row["metrics"]["accuracy"]["arithmetic"]
    assert line["git_commit"] == row["provenance"]["git_commit"] and line["torch"] == "2.13.0"


def test_a_diverged_run_has_no_score(table):
    line = table.loc[SIGNAL[3].key]
    assert line["status"] == "diverged" and line[["score", "loss", "evaluate_seconds"]].isna().all()


def test_runs_are_named_by_their_studies_and_methods(table):
    assert table.loc[PLACED[1].key, "studies"] == "placement"
    assert "low-resource" in table.loc[SIGNAL[0].key, "studies"].split("+")
    assert list(table.loc[[run.key for run in SIGNAL], "name"]) == ["full", "head", "bitfit", "adapter"]
    assert list(table.loc[[run.key for run in PLACED], "name"]) == ["none", "series-attention", "series-mlp"]
    foreign = table[table["seed"] == 77].iloc[0]
    assert foreign["studies"] == "" and foreign["name"] == "lora+ia3"


def test_both_formats_give_the_table_back(table, tmp_path):
    for ending in (".csv", ".parquet"):
        export.write(table, tmp_path / "new" / f"runs{ending}")
    typed = pd.read_parquet(tmp_path / "new" / "runs.parquet")
    pd.testing.assert_frame_equal(typed, table.reset_index(drop=True), check_dtype=False)
    plain = pd.read_csv(tmp_path / "new" / "runs.csv")
    assert list(plain["score"].dropna()) == list(table["score"].dropna())
    assert "100.0" not in (tmp_path / "new" / "runs.csv").read_text().splitlines()[1].split(",")


def test_another_ending_is_refused(table, tmp_path):
    with pytest.raises(export.BadExport, match=r"'runs.xls' must end in .csv or .parquet"):
        export.write(table, tmp_path / "runs.xls")


def test_an_empty_ledger_is_an_empty_table_with_all_columns(tmp_path):
    table = export.table(Ledger(tmp_path), "smoke")
    assert table.empty and {"key", "score", "examples"} <= set(table.columns)
