"""`pelt run`, `status`, `plan`: carrying out studies."""

from __future__ import annotations

from statistics import fmean
from typing import Annotated, Any

import typer
from rich.markup import escape

from pelt_core.cli.console import FAILURE, INTERRUPTED, errors, progress, show
from pelt_core.cli.options import (
    AsJson,
    BadOption,
    LedgerFolder,
    Only,
    PresetName,
    Seeds,
    Settings,
    StudyName,
    Where,
    parse_seeds,
    parse_settings,
    parse_where,
)
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.presets import ledger_folder, presets, studies
from pelt_core.study.run import Run
from pelt_core.study.workers import Outcome, is_claimed, run_study

app = typer.Typer()


@app.command()
def run(
    study: StudyName,
    preset: PresetName = "smoke",
    only: Only = None,
    where: Where = None,
    seeds: Seeds = None,
    settings: Settings = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            "-w",
            min=1,
            help="Runs carried out at the same time; by default one on each core as far as memory goes, "
            "and one where there is an accelerator.",
        ),
    ] = None,
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

    The number of threads may change the last digits of a result; it is recorded with each.

    Example, in hours: `pelt run placement --preset laptop --threads 1`

    Example, a part: `pelt run low-resource --preset laptop --where task=sst2,qqp --where examples=100`

    Example, your own backbone:
    `pelt run placement --only "lora*" --seeds 0-4 --set backbone=tiny-llama --set max_length=512`
    """
    runs = grid(study, preset, parse_seeds(seeds), only, parse_settings(settings), parse_where(where))
    book = Ledger(ledger or ledger_folder(preset))
    todo = [run for run in runs if not book.has(run)]
    suited = _checked(runs, todo, workers, threads) if todo else (1, 1)
    try:
        with progress(f"{study}, {preset}", len(runs)) as advance:
            outcomes = run_study(runs, book, *suited, lambda outcome: advance(_line(outcome)))
    except KeyboardInterrupt:
        errors.print("Interrupted. Finished runs are kept; the same command goes on from here.")
        raise typer.Exit(INTERRUPTED) from None
    states = [outcome.state for outcome in outcomes]
    errors.print(
        f"{len(runs)} runs in {book.folder}: {', '.join(f'{states.count(s)} {s}' for s in sorted(set(states)))}"
    )
    if "failed" in states:
        raise typer.Exit(FAILURE)


def _checked(runs: list[Run], todo: list[Run], workers: int | None, threads: int | None) -> tuple[int, int]:
    """Workers, and threads of each, for a grid of runs of which nothing is found to stop those that are left."""
    from pelt_core.study.check import check
    from pelt_core.study.crew import crew

    check(todo)
    suited = crew(runs, workers, threads)
    errors.print(f"{len(todo)} runs to do, {suited}")
    return suited.workers, suited.threads


@app.command()
def status(
    study: Annotated[str | None, typer.Argument(metavar="[STUDY]", help="All studies if left out.")] = None,
    preset: Annotated[
        str | None,
        typer.Option("--preset", "-p", help="By default smoke; all presets if no study is named.", show_default=False),
    ] = None,
    only: Only = None,
    where: Where = None,
    seeds: Seeds = None,
    settings: Settings = None,
    ledger: LedgerFolder = None,
    as_json: AsJson = False,
) -> None:
    """What is finished, running, diverged or missing.

    Example: `pelt status` counts for all studies and presets.

    Example: `pelt status placement --preset laptop` lists the runs.
    """
    if study is None:
        given = {"--only": only, "--where": where, "--seeds": seeds, "--set": settings}
        if chosen := [name for name, value in given.items() if value]:
            raise BadOption(f"{chosen[0]} is about the runs of one study: name it, e.g. pelt status placement")
        of = [preset] if preset else list(presets())
        pairs = [(name, one) for one in of for name in studies(one)]
        show([_counts(name, one, Ledger(ledger or ledger_folder(one))) for name, one in pairs], as_json)
        return
    preset = preset or "smoke"
    book = Ledger(ledger or ledger_folder(preset))
    runs = grid(study, preset, parse_seeds(seeds), only, parse_settings(settings), parse_where(where))
    lines = [_state(run, book) for run in runs]
    show(lines if as_json else _differing(runs, lines), as_json, f"{study}, {preset}, in {book.folder}")


@app.command()
def plan(
    study: StudyName,
    preset: PresetName = "smoke",
    only: Only = None,
    where: Where = None,
    seeds: Seeds = None,
    settings: Settings = None,
    ledger: LedgerFolder = None,
    teraflops: Annotated[
        float | None,
        typer.Option("--teraflops", help="Reckon hours with a device that sustains this, e.g. 100.", min=1e-6),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What a study would cost: trainable parameters, tokens, arithmetic, memory, hours. Needs no weights and no data.

    Parameters are exact. Tokens are the most there can be. Hours are reckoned from the runs recorded on this machine,
    or from `--teraflops`.

    Example: `pelt plan placement --preset paper --teraflops 100`
    """
    from pelt_core.study import plan as planning

    runs = grid(study, preset, parse_seeds(seeds), only, parse_settings(settings), parse_where(where))
    book = Ledger(ledger or ledger_folder(preset))
    said = f"{teraflops:g} TFLOP/s" if teraflops else ""
    speed = planning.Speed(teraflops * 1e12, teraflops * 1e12, said) if teraflops else None
    rows = planning.plan(runs, book, speed)
    if as_json:
        show(rows, as_json)
        return
    show(_differing(runs, _by_cell(runs, rows)), False, f"{study}, {preset}")
    speed = speed or planning.Speed.recorded(book.rows(), runs[0].backbone)
    todo = [row for row in rows if not row["recorded"]]
    hours = f"{sum(row['hours'] for row in todo):.3g} hours at {speed.source}" if speed else "hours unknown: no run yet"
    errors.print(
        f"{len(rows)} runs, {len(todo)} of them to do: {sum(r['petaflops'] for r in todo):.3g} petaflops, {hours}"
    )


def _differing(runs: list[Run], lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines for a table, without the fields of a cell that all runs have in common, but for the method."""
    common = {name for name in runs[0].cell if name != "method" and len({run.cell[name] for run in runs}) == 1}
    return [{name: value for name, value in line.items() if name not in common} for line in lines]


def _by_cell(runs: list[Run], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a plan, those that differ only in the seed as one; costs are those of one run."""
    costs = ("trainable_parameters", "percent", "train_tokens", "evaluate_tokens", "petaflops", "gigabytes", "hours")
    cells: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for run, row in zip(runs, rows, strict=True):
        cells.setdefault(tuple(run.cell.items()), []).append(row)
    return [
        {**dict(cell), "runs": len(own), "done": sum(row["recorded"] for row in own)}
        | {name: own[0][name] for name in costs}
        for cell, own in cells.items()
    ]


def _counts(study: str, preset: str, book: Ledger) -> dict[str, Any]:
    states = [_state(run, book)["state"] for run in grid(study, preset)]
    counts = {state: states.count(state) for state in ("finished", "running", "diverged", "missing")}
    return {"study": study, "preset": preset, "ledger": str(book.folder), **counts}


def _state(run: Run, book: Ledger) -> dict[str, Any]:
    row: dict[str, Any] = {"key": run.key, **run.cell, "seed": run.seed}
    recorded = book.recorded([run]).get(run.key, {})
    state = recorded.get("status") or ("running" if is_claimed(book, run) else "missing")
    return row | {"state": state} | _figures(recorded)


def _figures(row: dict[str, Any]) -> dict[str, Any]:
    """Seconds, mean score with the metric's name, and mean loss of a row; None for what it does not have."""
    metrics = row.get("metrics", {})
    metric = next((name for name in ("spearman", "matthews", "f1", "accuracy") if name in metrics), None)
    losses = metrics.get("answer_loss") or metrics.get("loss")
    return {
        "seconds": round(sum(row["seconds"].values())) if row else None,
        "metric": metric,
        "score": fmean(metrics[metric].values()) if metric and metrics[metric] else None,
        "loss": fmean(losses.values()) if losses else None,
    }


def _line(outcome: Outcome) -> str:
    """One line on a run that has just ended; none if it was recorded before."""
    if outcome.state == "kept":
        return ""
    cell = "  ".join(str(value) for value in outcome.run.cell.values())
    name = f"{outcome.run.key}  {escape(cell)}  seed {outcome.run.seed}"
    if outcome.row is None:
        colour = "red" if outcome.state == "failed" else "yellow"
        return f"[{colour}]{name}  {outcome.state}{': ' * bool(outcome.error)}{escape(outcome.error)}[/{colour}]"
    figures = _figures(outcome.row)
    named = ((figures["metric"], figures["score"]), ("loss", figures["loss"]))
    means = [f"{label} {value:.3f}" for label, value in named if value is not None]
    return "  ".join([name, f"{figures['seconds']} s", *(means or [outcome.state])])
