"""Which tasks can test a claim: those on which methods leave the trivial baseline.

Two rules. Where the backbone, trained as a whole on the most examples, scores no better than a guess that reads no
text, the task shows nothing at any number of examples. And where with some number of examples no method leaves that
guess, the task shows nothing at this number: a difference between two methods says nothing of either.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import pandas as pd

from pelt_core.study import statistics
from pelt_core.study.scores import Scores

CEILING = "full"
"""The method that trains everything."""
TUNED = ["pooling", "learning_rate", "head_learning_rate"]
"""What the cells of one method and task differ in."""


def signals(scores: Scores) -> pd.DataFrame:
    """How far `CEILING` leaves the trivial baseline on each task, with the most examples that the studies give it.

    Of several poolings or learning rates the one counts that is best on development rows.

    Args:
        scores: of studies that train `CEILING`, such as glue-signal.

    Returns:
        By task, in the order of the runs, as far as recorded: `pooling`, `baseline`, `mean`, `low` and `high` in
        points, `seeds`, and `signal`: whether the whole interval lies above the baseline.
    """
    runs = [run for run in scores.runs if scores.names[run.method] == CEILING and run.train_head]
    most = max((run.examples for run in runs), default=0)
    keys = {run.key for run in runs if run.examples == most}
    found = scores.table[scores.table["key"].isin(keys)]
    lines = [_of_task(scores, str(task), own) for task, own in found.groupby("task", sort=False)]
    columns = ["task", "pooling", "baseline", "mean", "low", "high", "seeds", "signal"]
    return pd.DataFrame(lines, columns=columns).set_index("task").astype({"signal": bool})


def has_signal(scores: Scores) -> dict[str, bool]:
    """Task -> whether it can test a claim, see `signals`; tasks without a recorded run are left out."""
    return {str(task): bool(signal) for task, signal in signals(scores)["signal"].items()}


@cache
def told_apart(scores: Scores, examples: int) -> Mapping[str, bool]:
    """Task -> whether any method leaves the trivial baseline there with so many examples, its whole interval above it.

    Every recorded method counts whose head is trained; the more there are, the likelier one leaves it by luck, which
    keeps the task. Tasks without a recorded run are left out.
    """
    table = scores.table
    own = table[(table["examples"] == examples) & table["train_head"].astype(bool)]
    cells = own.groupby(["task", "method", *TUNED], sort=False)
    leaving = {str(cell["task"].iloc[0]) for _, cell in cells if _above_baseline(scores, cell)}
    return {str(task): task in leaving for task in dict.fromkeys(own["task"])}


def _above_baseline(scores: Scores, cell: pd.DataFrame) -> bool:
    return _estimate(scores, cell).low > scores.baseline(str(cell["task"].iloc[0]))


def _estimate(scores: Scores, cell: pd.DataFrame) -> statistics.Estimate:
    return statistics.estimate(scores.values(key=list(cell["key"])).to_numpy())


def _of_task(scores: Scores, task: str, own: pd.DataFrame) -> dict[str, object]:
    cells = own.groupby(TUNED, sort=False)
    best = cells.get_group(cells["dev_score"].mean().idxmax())
    one, baseline = _estimate(scores, best), scores.baseline(task)
    return {
        "task": task,
        "pooling": best["pooling"].iloc[0],
        "baseline": baseline,
        "mean": one.mean,
        "low": one.low,
        "high": one.high,
        "seeds": one.seeds,
        "signal": one.low > baseline,
    }
