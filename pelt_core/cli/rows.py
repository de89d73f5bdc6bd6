"""`pelt data rows`: the rows of a set, to look at or to compare with others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pelt_core.cli.console import errors
from pelt_core.cli.options import BadOption

if TYPE_CHECKING:
    from pelt_core.data.reading import Prepared

COLLECTION = "commonsense170k"
FOLDERS = {"social-i-qa": "siqa"}  # what a set is called where LLM-Adapters publish it

app = typer.Typer()


@app.command("rows")
def data_rows(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The data set; `pelt data list` has them.")],
    part: Annotated[
        str | None, typer.Option("--set", metavar="SET", help=f"One of the eight sets of {COLLECTION}.")
    ] = None,
    split: Annotated[str, typer.Option(help="train, test, or another that the set has.")] = "train",
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="A row a line, with the fields instruction, input, output and answer.")
    ] = False,
) -> None:
    """Print the rows of one split as they are asked and answered in training.

    With `--set`, those of one of the eight sets of commonsense170k, as its published files for training, validation
    and test have them.

    Example: `pelt data rows commonsense170k --set openbookqa --split test --jsonl > openbookqa.jsonl`
    """
    from pelt_core.data.instructions import line

    prepared = _prepared(name, part, split)
    if jsonl:
        typer.echo("\n".join(map(line, prepared.rows)))
    else:
        typer.echo("\n".join(f"{row['id']}\n{row['question']}\n-> {row['solution']}\n" for row in prepared.rows))
    if prepared.remark:
        errors.print(prepared.remark, style="yellow", markup=False)


def _prepared(name: str, part: str | None, split: str) -> Prepared:
    from pelt_core.data import answer_kind, commonsense170k, prepare

    if part is not None and name != COLLECTION:
        raise BadOption(f"--set {part!r}: only {COLLECTION} is made of sets; leave it out for {name}")
    if part is not None:
        known = part.lower().replace("_", "-")
        return commonsense170k.part(FOLDERS.get(known, known), split)
    if answer_kind(name) in ("label", "score"):
        raise BadOption(f"{name} has classes or scores: there is no instruction and no output to print")
    return prepare(name, split)
