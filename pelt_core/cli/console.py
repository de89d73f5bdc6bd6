"""What all commands share: how errors, warnings, tables and JSON are printed."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from typer.core import TyperGroup

from pelt_core.errors import PeltError

BAD_INPUT, FAILURE, INTERRUPTED = 2, 1, 130
INCOMPLETE = 3
"""The exit code where nothing is wrong and something is missing."""
errors = Console(stderr=True, highlight=False, soft_wrap=True)
output = Console(highlight=False, width=None if sys.stdout.isatty() else 160)


class ErrorsInOneLine(TyperGroup):
    """Turns a `PeltError` into a red message and an exit code, and warnings into yellow lines: never a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; exit code 2 for bad input, 1 where the machine failed."""
        with warnings.catch_warnings():
            warnings.showwarning = _print_in_yellow
            try:
                return super().invoke(ctx)
            except PeltError as error:
                errors.print(str(error), style="red", markup=False)
                raise typer.Exit(_exit_code(error)) from None


def _exit_code(error: PeltError) -> int:
    """`FAILURE` where the machine failed, `BAD_INPUT` where something else should have been asked for."""
    failed = isinstance(error, (OSError, RuntimeError)) and not isinstance(error, FileNotFoundError)
    return FAILURE if failed else BAD_INPUT


def _print_in_yellow(message: Warning | str, *_: Any, **__: Any) -> None:
    errors.print(f"warning: {message}", style="yellow", markup=False)


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[str], None]]:
    """A bar over runs on a terminal, and a line for each run that has something to say, anywhere.

    Yields:
        What to call when a run has ended, with its line; an empty one is not printed.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, disable=not sys.stderr.isatty()) as bars:
        bar = bars.add_task(title, total=total)

        def advance(line: str) -> None:
            if line:
                errors.print(line)
            bars.advance(bar)

        yield advance


def print_json(value: Any) -> None:
    """For scripts."""
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False))


def show(rows: Sequence[dict[str, Any]], as_json: bool, title: str = "") -> None:
    """Print rows as JSON for scripts, or as a table for people."""
    if as_json:
        print_json(list(rows))
        return
    if title:
        output.print(title, style="bold", markup=False, soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD)
    for name in rows[0] if rows else ():
        number = all(isinstance(row[name], (int, float, type(None))) for row in rows)
        table.add_column(name.replace("_", " "), justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    output.print(table)


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:.3g}"
        case list():
            return ", ".join(escape(str(one)) for one in value)
    return escape(str(value))
