"""With which learning rates a method is shown where a study tries several: those that do best on development rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pelt_core.report.few_shot.state import selected
from pelt_core.report.names import method_name, task_name
from pelt_core.study.run import ClassificationRun
from pelt_core.study.scores import Scores

COLUMNS = ["task", "method", "learning_rate", "head_learning_rate", "dev_score", "recorded", "tried", "edge", "keys"]


def best(scores: Scores) -> pd.DataFrame:
    """The learning rates of the best mean development score, for every method on every task; test rows have no say.

    Of pairs of rates that score the same, the first of the grid is taken, and so it is where nothing is recorded.

    Args:
        scores: of a study whose cells differ in task, method and learning rates alone.

    Returns:
        A line a task and method, in the order of the grid: task, method, learning_rate, head_learning_rate, dev_score
        (NaN where nothing is recorded), recorded and tried (how many pairs of rates), edge (whether the best of all
        pairs is the "lowest" or the "highest" one, else empty), keys (those of the runs at that pair).
    """
    own: dict[tuple[str, str], list[ClassificationRun]] = {}
    for run in selected(scores):
        own.setdefault((run.task, scores.field(run, "method")), []).append(run)
    return pd.DataFrame([_line(scores, *cell, runs) for cell, runs in own.items()], columns=COLUMNS)


def keys(chosen: pd.DataFrame) -> list[str]:
    """The keys of all chosen runs."""
    return [key for line in chosen["keys"] for key in line]


def table(chosen: pd.DataFrame) -> pd.DataFrame:
    """The chosen rates, of the method and of the head, as a table for the page: a line a method, a column a task."""
    lines: dict[str, dict[str, str]] = {}
    for one in chosen.itertuples():
        said = f"{one.learning_rate:g} / {one.head_learning_rate:g}" if one.recorded else "not run yet"
        partly = f" ({one.recorded} of {one.tried} rates run)" if 0 < one.recorded < one.tried else ""
        edge = f" ({one.edge})" if one.edge else ""
        lines.setdefault(str(one.method), {})[task_name(str(one.task))] = said + partly + edge
    return pd.DataFrame([{"Method": method_name(method)} | line for method, line in lines.items()])


def _line(scores: Scores, task: str, method: str, runs: list[ClassificationRun]) -> dict[str, Any]:
    pairs = list(dict.fromkeys(_pair(run) for run in runs))
    table = scores.table[scores.table["key"].isin([run.key for run in runs])]
    dev = table.groupby(["learning_rate", "head_learning_rate"], sort=False)["dev_score"].mean()
    known = [pair for pair in pairs if pair in dev.index]
    pair = max(known, key=lambda one: dev[one]) if known else pairs[0]
    whole = len(known) == len(pairs) > 1
    return {
        "task": task,
        "method": method,
        "learning_rate": pair[0],
        "head_learning_rate": pair[1],
        "dev_score": dev[pair] if known else np.nan,
        "recorded": len(known),
        "tried": len(pairs),
        "edge": "lowest" if whole and pair == min(pairs) else "highest" if whole and pair == max(pairs) else "",
        "keys": [run.key for run in runs if _pair(run) == pair],
    }


def _pair(run: ClassificationRun) -> tuple[float, float]:
    return run.learning_rate, run.head_learning_rate
