"""How much of a few-example grid is recorded, and what is not."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from IPython.display import Markdown

from pelt_core.report import words
from pelt_core.report.missing import DIVERGED, NOT_RUN
from pelt_core.report.names import method_name, task_name
from pelt_core.report.words import counted, listed
from pelt_core.study.run import ClassificationRun
from pelt_core.study.scores import Scores

FEW = 6
"""So many missing runs are named one by one."""


def state(scores: Scores) -> Markdown:
    """As `pelt_core.report.words.state`; few missing runs are named, many are counted."""
    return words.state(scores, _missing(scores), partial(_named, scores), "test rows")


def progress(scores: Scores) -> Markdown:
    """As `pelt_core.report.words.progress`, for a page without intervals; few missing runs are named."""
    return words.progress(scores, _missing(scores), partial(_named, scores))


def selected(scores: Scores, **where: Any) -> list[ClassificationRun]:
    """The runs of the grid, recorded or not, with these fields, each a value or a list of values; `method` is short."""
    wanted = {name: value if isinstance(value, (list, tuple)) else [value] for name, value in where.items()}
    return [run for run in scores.runs if all(scores.field(run, name) in wanted[name] for name in wanted)]


def cell_state(scores: Scores, **where: Any) -> str:
    """Why a cell has no estimate: `NOT_RUN`, `DIVERGED`, or nothing if it has one; `where` as in `selected`."""
    statuses = {scores.rows[run.key]["status"] for run in selected(scores, **where) if run.key in scores.rows}
    return "" if "finished" in statuses else DIVERGED if DIVERGED in statuses else NOT_RUN


def _missing(scores: Scores) -> list[str]:
    few = len(scores.missing) <= FEW
    return [_named(scores, run) for run in scores.missing] if few else _by_size(scores)


def _named(scores: Scores, run: ClassificationRun) -> str:
    head = "" if run.train_head else ", head frozen"
    return (
        f"{method_name(scores.names[run.method])} on {task_name(run.task)}, {_size(run.examples)}, "
        f"pooling `{run.pooling}`{head}, learning rates {run.learning_rate:g} and {run.head_learning_rate:g}, "
        f"seed {run.seed}"
    )


def _size(examples: int) -> str:
    return f"{examples:,} examples" if examples else "all examples"


def _by_size(scores: Scores) -> list[str]:
    """A line for each number of examples that is not whole: which tasks lack how much of it."""
    lines = []
    for examples in dict.fromkeys(run.examples for run in scores.runs):
        own = [run for run in scores.runs if run.examples == examples]
        open_runs = [run for run in own if run.key not in scores.rows]
        if len(open_runs) == len(own):
            lines.append(f"{_size(examples)}: all {counted(len(own), 'run')}")
        elif open_runs:
            lines.append(f"{_size(examples)}: {len(open_runs)} of {len(own)} runs; {_by_task(own, open_runs)}")
    return lines


def _by_task(own: Sequence[ClassificationRun], open_runs: Sequence[ClassificationRun]) -> str:
    """Tasks that lack the same are named together."""
    lacking: dict[str, list[str]] = {}
    for task in dict.fromkeys(run.task for run in open_runs):
        seeds = sorted({run.seed for run in open_runs if run.task == task})
        number, total = (sum(run.task == task for run in runs) for runs in (open_runs, own))
        said = f"{number} of {total} (seed{'s' * (len(seeds) > 1)} {listed(map(str, seeds))})"
        lacking.setdefault(said, []).append(task_name(task))
    return "; ".join(f"{listed(names)}{' each' * (len(names) > 1)} {said}" for said, names in lacking.items())
