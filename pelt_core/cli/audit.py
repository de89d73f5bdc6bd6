"""`pelt data audit`: what training and evaluation sets share, and what each is like."""

from __future__ import annotations

from typing import Any

import typer

from pelt_core.cli.console import INCOMPLETE, errors, print_json, show
from pelt_core.cli.options import AsJson

app = typer.Typer()


@app.command("audit")
def data_audit(as_json: AsJson = False) -> None:
    """Duplicates, label balance and lengths of every set, and what each training set shares with each evaluation set.

    Takes a few minutes. The table of overlaps counts evaluation items that a training set has: to the character, by
    letters and digits, with numbers masked, and with near-duplicates by MinHash besides. `train` counts the training
    rows that are the same by letters and digits.

    Exit code 0 if every set was audited, 3 if some are nowhere to be had.

    Example: `pelt data audit --json > audit.json`
    """
    from pelt_core.data.audit.report import audit
    from pelt_core.provenance import source

    code = source()
    found = audit()
    if as_json:
        print_json({**found, "code": code})
    else:
        _show(found)
    for one in found["absent"]:
        errors.print(f"nowhere to be had: {one['title']}, {one['role']}", style="yellow", markup=False)
    if found["absent"]:
        raise typer.Exit(INCOMPLETE)


def _show(found: dict[str, Any]) -> None:
    columns = ("title", "role", "rows", "distinct", "contradictory", "labels", "majority")
    sets = [{**one, "distinct": one["distinct"]["normalised"]} for one in found["sets"]]
    show([{name: one[name] for name in columns} for one in sets], as_json=False, title="Sets")
    show(found["overlaps"], as_json=False, title="Evaluation items that a training set has")
