"""What the tables of `pelt status` and `pelt plan` show of a grid."""

import json

from typer.testing import CliRunner

from pelt_core.cli import app
from pelt_core.cli.console import output, show


def pelt(*arguments: str) -> str:
    return CliRunner().invoke(app, list(arguments)).stdout


def test_tables_leave_out_what_all_runs_have_in_common():
    columns = pelt("status", "low-resource")
    assert "method" in columns and "task" not in columns and "pooling" not in columns
    rows = json.loads(pelt("status", "low-resource", "--json"))
    assert {row["task"] for row in rows} == {"paraphrase"}
    assert "train head" in pelt("plan", "frozen-head")


def test_brackets_in_a_list_are_shown_as_they_are():
    with output.capture() as shown:
        show([{"differences": ["no position in [lora@q,v]", "[/x]"]}], False)
    assert "no position in [lora@q,v], [/x]" in shown.get()
