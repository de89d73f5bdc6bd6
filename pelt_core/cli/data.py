"""`pelt data`: what data there is, a mirror of it, and whether the mirror is right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pelt_core.cli import audit
from pelt_core.cli.console import errors, show
from pelt_core.cli.options import AsJson

app = typer.Typer()
data_app = typer.Typer(help="The data sets: what they are, where they come from, their licences.", no_args_is_help=True)
build_app = typer.Typer(help="Build a training set from the published ones.", no_args_is_help=True)
app.add_typer(data_app, name="data")
data_app.add_typer(build_app, name="build")
data_app.add_typer(audit.app)


@data_app.command("list")
def data_list(as_json: AsJson = False) -> None:
    """The data sets with their splits, sizes, answers and licences.

    Data are looked for in the folder that the variable `PELT_DATA` names, then on the Hugging Face hub; `arithmetic` is
    made by the program itself.

    Example: `pelt data list --json`
    """
    from pelt_core.data import DATASETS

    rows = [
        {
            "name": card.name,
            "splits": [f"{split} {pin.rows}" for split, pin in card.splits.items()],
            "answer": card.answer_kind,
            "licence": card.licence,
            "summary": card.summary,
        }
        for card in DATASETS.values()
    ]
    show(rows, as_json)


@data_app.command("mirror")
def data_mirror(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to; made if it is not there.")],
) -> None:
    """Download every data set from its publisher into a folder, for machines without a network.

    A file that differs from its pin is refused. Call it again to go on where it stopped. Copy the folder anywhere and
    name it there: `export PELT_DATA=FOLDER`.

    Example: `pelt data mirror mirror`
    """
    from pelt_core.data.mirror import make_mirror

    for path in make_mirror(folder):
        errors.print(f"there: {path}", markup=False)
