"""The options that all benchmarks share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from pelt_core.cli.console import errors
from pelt_core.errors import PeltError

PUBLISHED_REPEATS = 5
ADAPTERS_PYTHON = Path(__file__).resolve().parents[1] / "_runs" / "adapters-env" / "bin" / "python"

Repeats = Annotated[int, typer.Option("--repeats", "-n", min=1, help="Turns of each contender that count.")]
Threads = Annotated[int, typer.Option("--threads", "-t", min=1, help="Threads of each contender.")]
Json = Annotated[Path | None, typer.Option("--json", help="Where to write the results.", show_default=False)]
Quick = Annotated[bool, typer.Option("--quick", help="Little work, once: does it run? Its figures mean nothing.")]
Only = Annotated[str, typer.Option("--only", metavar="TEXT", help="Only the cells with this in their name.")]
Backbone = Annotated[str, typer.Option("--backbone", "-b", help="The decoder.")]
Adapters = Annotated[
    Path | None,
    typer.Option(
        "--adapters-python",
        help="The Python of an environment with `adapters`; by default what benchmarks/adapters_env.sh made.",
        show_default=False,
    ),
]
THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class NoAdapters(PeltError, FileNotFoundError):
    """The interpreter that was named for `adapters` is not there."""


@dataclass
class Setting:
    """How a benchmark is carried out; `left_out` says what could not be."""

    repeats: int
    threads: int
    json: Path | None = None
    quick: bool = False
    only: str = ""
    adapters_python: str | None = None
    left_out: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.quick:
            self.repeats = 1

    @property
    def complete(self) -> bool:
        """Whether all cells are measured, and enough repeats of each to be published."""
        return not (self.quick or self.only) and self.repeats >= PUBLISHED_REPEATS


def find_adapters(named: Path | None, setting: Setting) -> None:
    """Notes the environment of `adapters`, or that what compares with it is left out.

    Raises:
        NoAdapters: one was named, and is not there.

    """
    found = named or ADAPTERS_PYTHON
    if found.exists():
        setting.adapters_python = str(found)
    elif named:
        raise NoAdapters(f"{named} is not there: give the bin/python of an environment that has `adapters`")
    else:
        setting.left_out.append(
            "everything against `adapters`, as there is no environment with it: make one with "
            "benchmarks/adapters_env.sh, or name its Python with --adapters-python"
        )


def run(command: Callable[..., Any]) -> None:
    """Runs a benchmark from the command line; what a user can mend is a line in red, not a traceback."""
    app = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.command()(command)
    try:
        app()
    except PeltError as error:
        errors.print(str(error), style="red", markup=False)
        sys.exit(1)
