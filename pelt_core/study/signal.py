"""Which tasks can test a claim: those on which training everything leaves the trivial baseline.

Where the backbone, trained as a whole on the most examples, scores no better than a guess that reads no text, all
methods sit at that guess, and a difference between two of them says nothing of either.
"""

from __future__ import annotations

import pandas as pd

from pelt_core.study import statistics
from pelt_core.study.scores import Scores

CEILING = "full"
"""The method that trains everything."""


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


def _of_task(scores: Scores, task: str, own: pd.DataFrame) -> dict[str, object]:
    cells = own.groupby(["pooling", "learning_rate", "head_learning_rate"], sort=False)
    best = cells.get_group(cells["dev_score"].mean().idxmax())
    values = scores.values(key=list(best["key"]))
    one, baseline = statistics.estimate(values.to_numpy()), scores.baseline(task)
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
