"""`pelt data`: what data there is, a mirror of it, and whether the mirror is right."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from pelt_core.cli import audit, build_commonsense, build_math, rows
from pelt_core.cli.console import FAILURE, INCOMPLETE, errors, output, print_json, progress, show
from pelt_core.cli.options import AsJson

if TYPE_CHECKING:
    from pelt_core.data.catalogue import Pin


app = typer.Typer()
data_app = typer.Typer(help="The data sets: what they are, where they come from, their licences.", no_args_is_help=True)
build_app = typer.Typer(help="Build a training set from the published ones.", no_args_is_help=True)
app.add_typer(data_app, name="data")
data_app.add_typer(build_app, name="build")
build_app.add_typer(build_commonsense.app)
build_app.add_typer(build_math.app)
data_app.add_typer(audit.app)
data_app.add_typer(rows.app)


@data_app.command("list")
def data_list(as_json: AsJson = False) -> None:
    """The data sets with their splits, sizes, answers and licences, and where each split is to be had.

    Data are looked for in the folder that the variable `PELT_DATA` names, then on the Hugging Face hub; sets such as
    `arithmetic` are made by the program itself. PARTIAL files hold some rows of a published split.

    Example: `pelt data list --json`
    """
    from pelt_core.data import DATASETS

    cards = DATASETS.values()
    if as_json:
        print_json(
            [
                {
                    **{name: getattr(card, name) for name in ("name", "summary", "licence", "answer_kind")},
                    "splits": [
                        {"split": split, "at": _place(pin), "partial": pin.whole_rows is not None, **asdict(pin)}
                        for split, pin in card.splits.items()
                    ],
                }
                for card in cards
            ]
        )
        return
    rows = [
        {
            "name": card.name,
            "splits": [_size(split, pin) for split, pin in card.splits.items()],
            "answer": card.answer_kind,
            "source": sorted({_source(pin) for pin in card.splits.values()}),
            "licence": card.licence,
            "summary": card.summary,
        }
        for card in cards
    ]
    show(rows, as_json)


def _place(pin: Pin) -> str:
    """Where a split is to be had: "mirror", "hub", "made here" or "nowhere"."""
    from pelt_core.data.sources import mirror_folder

    mirror = mirror_folder()
    if pin.file is None:
        return "made here"
    if mirror and (mirror / pin.file).is_file():
        return "mirror"
    return "hub" if pin.hub else "nowhere"


def _size(split: str, pin: Pin) -> str:
    partial = f" of {pin.whole_rows} PARTIAL" if pin.whole_rows else ""
    place = {"hub": " (hub)", "nowhere": " (not here)"}.get(_place(pin), "")
    as_it_comes = pin.file is None and not pin.content_sha256  # made of as much as is to be had
    return f"{split} {'up to ' * as_it_comes}{pin.rows}{partial}{place}"


def _source(pin: Pin) -> str:
    """Who publishes a split: a repository, a place on the hub, or another address; or "made here"."""
    if pin.file is None:
        return "made here"
    repository = re.match(r"(?:https://raw\.githubusercontent\.com/)?([\w.-]+/[\w.-]+)[/@]", pin.source or "")
    return repository[1] if repository else pin.source or (pin.hub["id"] if pin.hub else "nowhere")


@data_app.command("mirror")
def data_mirror(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to; made if it is not there.")],
) -> None:
    """Download every data set from its publisher, or from the hub, into a folder, for machines without a network.

    A file that differs from its pin is refused. Call it again to go on where it stopped. Copy the folder anywhere and
    name it there: `export PELT_DATA=FOLDER`.

    Exit code 0 if every file is there, 1 if one failed, 3 if none did but some are published nowhere in this form.

    Example: `pelt data mirror mirror`
    """
    from pelt_core.data.mirror import make_mirror, pinned_files

    states: Counter[str] = Counter()
    with progress("mirror", len(pinned_files())) as advance:
        for made in make_mirror(folder):
            states[made.state] += 1
            advance(escape(f"{made.state}: {folder / made.file}{': ' if made.reason else ''}{made.reason}"))
    errors.print(_counted(states))
    if states["failed"]:
        raise typer.Exit(FAILURE)
    if states["not published"]:
        raise typer.Exit(INCOMPLETE)


@data_app.command("verify")
def data_verify(
    folder: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="The mirror; by default what PELT_DATA names.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare each file of a mirror with its pin: number of rows and sha256.

    Exit code 0 if every pinned file is there and right, 1 if a file differs, 3 if none differs but some are missing.

    Example: `pelt data verify --json`
    """
    from pelt_core.data.sources import DataNotFound, mirror_folder
    from pelt_core.data.verification import verify

    mirror = folder or mirror_folder()
    if mirror is None:
        raise DataNotFound("name the mirror: `pelt data verify FOLDER`, or export PELT_DATA=FOLDER")
    found = list(verify(mirror))
    count = Counter(file.state for file in found)
    if as_json:
        print_json({"mirror": str(mirror), "count": count, "files": [asdict(file) for file in found]})
    else:
        show([asdict(file) for file in found if file.note or file.state != "as pinned"], as_json)
        output.print(_counted(count))
    if count["differs"]:
        raise typer.Exit(FAILURE)
    if count["missing"]:
        raise typer.Exit(INCOMPLETE)


def _counted(states: Counter[str]) -> str:
    return ", ".join(f"{number} {state}" for state, number in states.items())
