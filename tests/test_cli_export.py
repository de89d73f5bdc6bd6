"""`pelt export`: the ledger as one flat table."""

import csv
import json

import pytest
from synthetic import fill
from typer.testing import CliRunner

from pelt_core.cli import app
from pelt_core.study import export
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger


def pelt(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_export_prints_or_writes_every_recorded_run(tmp_path):
    runs = grid("placement", "smoke")[:2]
    fill(Ledger(tmp_path), runs, questions=2)
    printed = pelt("export", "--preset", "smoke", "--ledger", tmp_path)
    lines = list(csv.DictReader(printed.stdout.splitlines()))
    assert {line["key"] for line in lines} == {run.key for run in runs} and lines[0]["studies"] == "placement"
    as_json = json.loads(pelt("export", "--preset", "smoke", "--ledger", tmp_path, "--json").stdout)
    assert [line["key"] for line in as_json] == [line["key"] for line in lines]
    assert as_json[0]["score"] == float(lines[0]["score"]) and as_json[0]["task"] is None
    written = pelt("export", "--preset", "smoke", "--ledger", tmp_path, "--out", tmp_path / "runs.csv")
    assert written.stdout == "" and written.stderr == f"2 runs in {tmp_path / 'runs.csv'}\n"
    assert (tmp_path / "runs.csv").read_text() == printed.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--out", "runs.xls"], "must end in .csv or .parquet"), (["--out", "x.csv", "--json"], "or --out to print them")],
)
def test_export_refuses_before_it_reads(options, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = pelt("export", *options)
    assert done.exit_code == 2 and said in done.stderr and not list(tmp_path.iterdir())


def test_export_says_where_nothing_can_be_written_before_it_reads(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "table", lambda *_: pytest.fail("it has read the runs"))
    (tmp_path / "file").write_text("")
    done = pelt("export", "--out", tmp_path / "file" / "runs.csv")
    assert done.exit_code == 1 and "runs.csv cannot be written: its folder cannot be made" in done.stderr
