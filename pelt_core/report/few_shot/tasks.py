"""What pages with a column, or a heading, for each task share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from pelt_core.data.glue.tasks import task
from pelt_core.report.few_shot.cells import cells
from pelt_core.report.names import METRIC_NAMES, method_name, task_name
from pelt_core.study.scores import Scores
from pelt_core.study.signal import told_apart


def tasks(scores: Scores) -> list[str]:
    """The tasks of the grid, in its order."""
    return list(dict.fromkeys(run.task for run in scores.runs))


def leaving(scores: Scores, names: Sequence[str], examples: int) -> list[str]:
    """Those of these tasks on which some method leaves the trivial baseline with so many examples, or nothing is known.

    The others are what claims leave out there, see `pelt_core.study.signal.told_apart`.
    """
    apart = told_apart(scores, examples)
    return [name for name in names if apart.get(name, True)]


def by_task(scores: Scores, **where: Any) -> pd.DataFrame:
    """The score of each method on each task, as `pelt_core.report.few_shot.cells.cells` gives it.

    Args:
        scores: of the studies.
        where: fields that select runs, one run of each method, task and seed.

    Returns:
        Its columns, and for figures heading (the task) and line (the method).
    """
    found = cells(scores, ("task", "method"), **where)
    return found.assign(heading=found["task"].map(task_name), line=found["method"].map(method_name))


def baselines(scores: Scores) -> dict[str, float]:
    """The trivial baseline of each task, in points, by the task's name on the page."""
    return {task_name(name): scores.baseline(name) for name in tasks(scores)}


def column(name: str) -> str:
    """A task and its metric: `QQP, F1`."""
    return f"{task_name(name)}, {METRIC_NAMES[task(name).metric]}"


def points(value: float) -> str:
    """A score to one place; nothing where there is none."""
    return "" if pd.isna(value) else f"{value:.1f}"


def trivial(scores: Scores, suffix: str | None = None) -> dict[str, str]:
    """The last line of a table: the trivial baseline in the column of each task.

    Args:
        scores: of the studies.
        suffix: of the columns' names, behind the task, instead of its metric.
    """
    known = {column(name) if suffix is None else task_name(name) + suffix: name for name in tasks(scores)}
    return {"Method": "Trivial baseline"} | {head: points(scores.baseline(name)) for head, name in known.items()}
