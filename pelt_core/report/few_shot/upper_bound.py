"""The upper bound of UniPELT's table 2: of each task, the best of the modules that a combination is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from pelt_core.report.few_shot.cells import paired, well_recorded
from pelt_core.report.few_shot.published import low_resource
from pelt_core.report.few_shot.tasks import leaving
from pelt_core.report.names import method_name
from pelt_core.report.told import in_cell
from pelt_core.study.best_module import best
from pelt_core.study.scores import Scores

PARTS = {"ap": ("adapter", "prefix"), "apl": ("adapter", "prefix", "lora")}
Chosen = Literal["score", "dev_score"]
CHOSEN: dict[Chosen, str] = {
    "score": "on test rows, for each task",
    "dev_score": "on development rows, for each task and shuffle",
}
"""What the best module is chosen by, and how often, see `pelt_core.study.best_module`."""


def bounds(scores: Scores, tasks: Sequence[str]) -> pd.DataFrame:
    """Each combination against the best of its parts, task by task, for each number of examples.

    Args:
        scores: of the study.
        tasks: to average over; those count on which the combination and all parts are recorded, and some method
            leaves the trivial baseline with that number of examples.

    Returns:
        Columns examples, method, by (a key of `CHOSEN`), bound and ours, the means of what is compared, and of the
        paired difference ours − bound: state, tasks, seeds, mean, low, high, p, detectable.
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
    """`bounds` beside what the paper's table 1 gives, over all of its tasks and over those of ours, for the page."""
    lines = []
    for one in frame.itertuples():
        gain = published_gain(one.examples, one.method, paper_tasks(one.examples))
        lines.append(
            {
                "Examples": f"{one.examples:,}",
                "Combination": method_name(one.method),
                "Best part chosen": CHOSEN[one.by],
                "Best part": one.state or f"{one.bound:.1f}",
                "Combined": one.state or f"{one.ours:.1f}",
                "Difference": in_cell(one, "{:+.1f}"),
                "Published": _points(gain, one.by),
                "Published, same tasks": _points(published_gain(one.examples, one.method, one.tasks), one.by),
                "Tasks": str(len(one.tasks)),
                "Seeds": str(one.seeds),
            }
        )
    return pd.DataFrame(lines)


def _points(gain: float, by: Chosen) -> str:
    """A published gain, which is over the best on test rows."""
    return f"{gain:+.2f}".replace("-", "−") if by == "score" and np.isfinite(gain) else ""


def paper_tasks(examples: int) -> list[str]:
    """The tasks of the paper's table with so many examples; none if it has no such table."""
    return [name for name in low_resource(examples).index.unique("task") if name != "avg"]


def published_gain(examples: int, method: str, tasks: Sequence[str]) -> float:
    """The paper's difference of a combination and the best of its parts over some tasks; NaN where it prints none."""
    paper = low_resource(examples)["value"]
    members = [method, *PARTS[method]]
    if not tasks or any((member, task) not in paper.index for member in members for task in tasks):
        return float(np.nan)
    scores = pd.DataFrame({member: paper[member][list(tasks)] for member in members})
    return float((scores[method] - scores[list(PARTS[method])].max(axis=1)).mean())


def _against(scores: Scores, examples: int, method: str, by: Chosen, tasks: Sequence[str]) -> dict[str, Any]:
    members = [method, *PARTS[method]]
    several = well_recorded(scores, members, examples, tasks)
    frames = _aligned({name: scores.values(examples=examples, task=several, method=name) for name in members})
    ours = frames.pop(method)
    bound = best(scores, frames, by, examples=examples) if len(ours) else ours
    return {"bound": _mean(bound), "ours": _mean(ours), **paired(ours, bound)}


def _aligned(frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The frames at the items and seeds that all of them have."""
    every = list(frames.values())
    items, seeds = every[0].index, every[0].columns
    for frame in every[1:]:
        items, seeds = items.intersection(frame.index), seeds.intersection(frame.columns)
    return {name: frame.loc[items, seeds] for name, frame in frames.items()}


def _mean(values: pd.DataFrame) -> float:
    """Over tasks, each counting the same; NaN of nothing."""
    return float(values.groupby(level="task").mean().mean(axis=1).mean()) if len(values) else float(np.nan)
