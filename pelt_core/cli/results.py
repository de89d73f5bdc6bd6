"""`pelt verify`, `pelt export`, `pelt report`: trusting the recorded runs, and showing them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Annotated

import typer

from pelt_core.cli.console import FAILURE, errors, progress, show
from pelt_core.cli.options import AsJson, BadOption, LedgerFolder, PresetName, Settings, Workers, parse_settings
from pelt_core.study.ledger import Ledger
from pelt_core.study.presets import ledger_folder
from pelt_core.study.run import Run
from pelt_core.study.verify import chosen
from pelt_core.study.verify import verify as repeat

app = typer.Typer()


@app.command()
def verify(
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY]...", help="Recorded runs; a beginning will do.")
    ] = None,
    sample: Annotated[int | None, typer.Option("--sample", min=1, help="Draw so many runs instead.")] = None,
    preset: PresetName = "smoke",
    ledger: LedgerFolder = None,
    workers: Workers = 1,
    as_json: AsJson = False,
) -> None:
    """Carry out recorded runs again in a scratch folder, and say whether their numbers hold.

    On the machine and with the versions of the recorded run, loss curve, answer losses and outputs must agree bit for
    bit. Elsewhere the mean answer loss may differ by 0.02 nats and an accuracy by two standard errors.

    Exit code 0 if all hold, 1 if one does not.

    Example: `pelt verify --sample 1`

    Example: `pelt verify 0f3a 77b1 --preset laptop`
    """
    book = Ledger(ledger or ledger_folder(preset))
    if bool(keys) == bool(sample):
        raise BadOption("say what to verify: the keys of runs (see `pelt status`), or --sample N")
    recorded = [Run.from_dict(row["run"]) for row in book.rows()] if sample else []
    if sample and sample > len(recorded):
        raise BadOption(f"--sample {sample}: {book.folder} holds {len(recorded)} runs")
    runs = random.sample(recorded, sample) if sample else chosen(book, keys or [])
    with progress("verify", len(runs)) as advance:
        verdicts = repeat(runs, book, workers, lambda outcome: advance(""))
    rows = [
        {
            "key": verdict.run.key,
            "method": verdict.run.method,
            "seed": verdict.run.seed,
            "compared": "bit for bit" if verdict.exact else "within tolerance",
            "holds": verdict.holds,
            "differences": list(verdict.differences),
        }
        for verdict in verdicts
    ]
    show(rows, as_json)
    if not all(verdict.holds for verdict in verdicts):
        raise typer.Exit(FAILURE)


@app.command()
def export(
    preset: PresetName = "laptop",
    ledger: LedgerFolder = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="A .csv or .parquet file; by default CSV is printed."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Every recorded run as one flat table: a line a run, with what decides it, its scores, size, time and origin.

    The report's page on the ledger says what each column holds. By default the runs that come with the project.

    Example: `pelt export --out runs.parquet`

    Example: `pelt export --preset smoke > runs.csv`
    """
    from pelt_core.study import export as runs

    if out and as_json:
        raise BadOption("--json prints the runs; leave it out to write them to a file, or --out to print them")
    if out:
        runs.check(out)
    frame = runs.table(Ledger(ledger or ledger_folder(preset)), preset)
    if out:
        runs.write(frame, out)
        errors.print(f"{len(frame)} runs in {out}")
    elif as_json:
        typer.echo(frame.to_json(orient="records", indent=1, double_precision=15))
    else:
        typer.echo(frame.to_csv(index=False, lineterminator="\n"), nl=False)


@app.command()
def report(
    study: Annotated[
        str | None, typer.Argument(metavar="[STUDY]", help="Its page alone; all pages if left out.")
    ] = None,
    preset: PresetName = "laptop",
    settings: Settings = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Execute every page again, also those that are current; that of one study always is."
        ),
    ] = False,
    ledger: LedgerFolder = None,
) -> None:
    """Make the report, a book of web pages, from the runs recorded so far.

    By default on the runs that come with the project. What is not recorded is shown as missing. Prints the path of
    the first page: open it in a browser. Reports on another preset, a preset file or another ledger have a folder of
    their own.

    Example: `pelt run placement`, then `pelt report --preset smoke`, shows the runs of a first try.

    Example, your own budget: `pelt report --preset mine.yml --ledger mine/ledger`

    Example, your own backbone: `pelt report placement --preset smoke --ledger my-runs --set backbone=owner/name`
    """
    if settings and study is None:
        raise BadOption("--set changes the runs of one study: name it, e.g. pelt report placement --set backbone=NAME")
    from pelt_core import publish, study_page

    errors.print(f"Making the report on the preset {preset}; this takes a minute or two.")
    if study is None:
        typer.echo(publish.report(preset, force, tell=errors.print, ledger=ledger))
    else:
        typer.echo(study_page.report(study, preset, parse_settings(settings), ledger, tell=errors.print))
