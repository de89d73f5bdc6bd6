"""The upper bound of UniPELT's table 2: of each task, the best of the modules that a combination is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pelt_core.report.few_shot.cells import cells, paired, well_recorded
from pelt_core.report.few_shot.published import upper_bound
from pelt_core.report.few_shot.state import selected
from pelt_core.report.few_shot.tasks import leaving
from pelt_core.report.names import method_name
from pelt_core.report.tables import interval
from pelt_core.study.scores import Scores

PARTS = {"ap": ("adapter", "prefix"), "apl": ("adapter", "prefix", "lora")}
CHOSEN = {"score": "on test rows", "dev_score": "on development rows"}
"""What the best module of a task is chosen by. The paper takes the best mean of test scores, which favours the bound:
the highest of several uncertain means is too high."""


def bounds(scores: Scores, tasks: Sequence[str]) -> pd.DataFrame:
    """Each combination against the best of its parts, task by task, for each number of examples.

    Args:
        scores: of the study.
        tasks: to average over; those count on which the combination and all parts are recorded, and some method
            leaves the trivial baseline with that number of examples.

    Returns:
        Columns examples, method, by (a key of `CHOSEN`), chosen (task -> module), bound, ours, and of the paired
        difference ours − bound: state, tasks, seeds, mean, low, high, p, detectable.
    """
    found = [
        {"examples": examples, "method": method, "by": by, **_against(scores, examples, method, by, own)}
        for examples in dict.fromkeys(run.examples for run in scores.runs)
        for own in [leaving(scores, tasks, examples)]
        for method in PARTS
        for by in CHOSEN
    ]
    return pd.DataFrame(found)


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """`bounds` beside the paper's table 2, for the page."""
    lines = []
    for one in frame.itertuples():
        known = upper_bound(one.examples)
        paper = known.loc[one.method] if one.method in known.index else None
        lines.append(
            {
                "Examples": f"{one.examples:,}",
                "Combination": method_name(one.method),
                "Best part chosen": CHOSEN[one.by],
                "Best part": one.state or f"{one.bound:.1f}",
                "Combined": one.state or f"{one.ours:.1f}",
                "Difference": one.state or interval(one, "{:+.1f}"),
                "Published": f"{paper['value'] - paper['bound']:+.2f}".replace("-", "−")
                if paper is not None and one.by == "score"
                else "",
                "Tasks": str(len(one.tasks)),
                "Seeds": str(one.seeds),
            }
        )
    return pd.DataFrame(lines)


def _against(scores: Scores, examples: int, method: str, by: str, tasks: Sequence[str]) -> dict[str, Any]:
    chosen = _chosen(scores, examples, method, by, tasks)
    parts = [scores.values(examples=examples, task=task, method=part) for task, part in chosen.items()]
    bound = pd.concat(parts, join="inner") if parts else pd.DataFrame()
    ours = scores.values(examples=examples, task=list(chosen), method=method)
    means = cells(scores, examples=examples, task=list(chosen)).set_index(["method", "task"])["mean"]
    return {
        "chosen": chosen,
        "bound": np.mean([means[part, task] for task, part in chosen.items()]) if chosen else np.nan,
        "ours": np.mean([means[method, task] for task in chosen]) if chosen else np.nan,
        **paired(ours, bound),
    }


def _chosen(scores: Scores, examples: int, method: str, by: str, tasks: Sequence[str]) -> dict[str, str]:
    """Task -> the part with the highest mean."""
    members = [method, *PARTS[method]]
    several = well_recorded(scores, members, examples, tasks)
    keys = [run.key for run in selected(scores, examples=examples, method=members, task=several)]
    means = scores.table[scores.table["key"].isin(keys)].pivot_table(index="task", columns="method", values=by)
    best = means.reindex(columns=list(PARTS[method])).idxmax(axis=1)
    return {task: str(best[task]) for task in tasks if task in best.index}
