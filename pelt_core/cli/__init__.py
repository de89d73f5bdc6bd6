"""The command line, `pelt`: one module a group of commands, heavy libraries imported inside of them."""

from __future__ import annotations

from typing import Annotated

import typer

import pelt_core
from pelt_core.cli import claims, data, lists, methods, results, studies
from pelt_core.cli.console import ErrorsInOneLine

app = typer.Typer(
    cls=ErrorsInOneLine,
    name="pelt",
    help="A reproducible study of parameter-efficient tuning of language models.\n\n"
    "A study is a grid of runs; a preset says how much to spend on each. `pelt run` carries out what the ledger, a "
    "folder of finished runs, does not hold yet, and `pelt report` makes the pages from it.\n\n"
    "New here? `pelt run placement` takes a few minutes, needs no network and no GPU.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(pelt_core.__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


for commands in (studies, results, claims, methods, lists, data):
    app.add_typer(commands.app)
