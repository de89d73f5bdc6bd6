"""`pelt run`, `status`, `plan`: carrying out studies."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pelt_core.cli.console import FAILURE, INTERRUPTED, errors
from pelt_core.errors import PeltError
from pelt_core.study.grids import STUDIES, grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.presets import ledger_folder, presets
from pelt_core.study.workers import Outcome, run_study

app = typer.Typer()

StudyName = Annotated[str, typer.Argument(metavar="STUDY", help=f"One of: {', '.join(STUDIES)}.")]
PresetName = Annotated[
    str, typer.Option("--preset", "-p", help=f"How much to spend: one of {', '.join(presets())}.", show_default=True)
]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="PATTERN", help="Keep methods that contain this, or match it with `*`. Repeatable."),
]
Seeds = Annotated[str | None, typer.Option("--seeds", help="Other seeds than the preset's: `0,1` or `0-4`.")]
Override = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Another value for a field of all runs. Repeatable."),
]
LedgerFolder = Annotated[
    Path | None,
    typer.Option("--ledger", help="Folder of the finished runs; by default the preset's.", show_default=False),
]


class BadOption(PeltError, ValueError):
    """An option's text cannot be understood."""


@app.command()
def run(
    study: StudyName,
    preset: PresetName = "smoke",
    only: Only = None,
    seeds: Seeds = None,
    override: Override = None,
    workers: Annotated[int, typer.Option("--workers", "-w", min=1, help="Runs carried out at the same time.")] = 1,
    threads: Annotated[
        int | None, typer.Option("--threads", "-t", min=1, help="Processor threads of each; by default shared out.")
    ] = None,
    ledger: LedgerFolder = None,
) -> None:
    """Carry out the runs of a study that are not in the ledger yet.

    Stop it whenever you like and call it again: finished runs are kept, an unfinished one goes on from its last
    checkpoint. Start it in several terminals and they share the work.

    Exit code 0 if all is done, 1 if a run failed, 2 if something does not exist.

    Example, in minutes and without a network: `pelt run placement`

    Example, in hours: `pelt run placement --preset laptop --workers 2 --threads 1`

    Example, your own backbone: `pelt run placement --only "lora*" --seeds 0-4 --set backbone=tiny-llama`
    """
    runs = grid(study, preset, parse_seeds(seeds), only, parse_overrides(override))
    book = Ledger(ledger or ledger_folder(preset))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, disable=not sys.stderr.isatty()) as progress:
        bar = progress.add_task(f"{study}, {preset}", total=len(runs))

        def report(outcome: Outcome) -> None:
            if outcome.state != "kept":
                errors.print(_line(outcome))
            progress.advance(bar)

        try:
            outcomes = run_study(runs, book, workers, threads, report)
        except KeyboardInterrupt:
            errors.print("Interrupted. Finished runs are kept; the same command goes on from here.")
            raise typer.Exit(INTERRUPTED) from None
    states = [outcome.state for outcome in outcomes]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(sorted(states)))
    errors.print(f"{len(runs)} runs in {book.folder}: {counts}")
    if "failed" in states:
        raise typer.Exit(FAILURE)


def _line(outcome: Outcome) -> str:
    """One line on a finished run: key, method, seed, seconds, mean accuracy, loss."""
    name = f"{outcome.run.key}  {escape(outcome.run.method)}  seed {outcome.run.seed}"
    if outcome.row is None:
        colour = "red" if outcome.state == "failed" else "yellow"
        return f"[{colour}]{name}  {outcome.state}{': ' * bool(outcome.error)}{escape(outcome.error)}[/{colour}]"
    metrics, seconds = outcome.row["metrics"], sum(outcome.row["seconds"].values())
    figures = [
        f"{label} {sum(by_set.values()) / len(by_set):.3f}"
        for label, by_set in (("accuracy", metrics.get("accuracy")), ("loss", metrics.get("answer_loss")))
        if by_set
    ]
    return "  ".join([name, f"{seconds:.0f} s", *(figures or [outcome.state])])


def parse_seeds(text: str | None) -> list[int] | None:
    """``"0,2-4"`` -> [0, 2, 3, 4]."""
    if text is None:
        return None
    if not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", text):
        raise BadOption(f"--seeds {text!r} cannot be read; write numbers and ranges such as 0,1 or 0-4")
    ends = [part.split("-") for part in text.split(",")]
    return [seed for end in ends for seed in range(int(end[0]), int(end[-1]) + 1)]


def parse_overrides(settings: list[str] | None) -> dict[str, str]:
    """``["epochs=2"]`` -> {"epochs": "2"}."""
    pairs = [setting.partition("=") for setting in settings or []]
    for name, equals, _ in pairs:
        if not equals:
            raise BadOption(f"--set {name!r} cannot be read; write FIELD=VALUE, e.g. backbone=tiny-llama")
    return {name: value for name, _, value in pairs}
