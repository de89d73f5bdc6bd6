"""The gate's effect: a combination with gates less the same one without, paired by task, shuffle and item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pelt_core.report.few_shot.cells import of_differences
from pelt_core.report.few_shot.tasks import leaving
from pelt_core.report.names import method_name, task_name
from pelt_core.report.tables import p_value
from pelt_core.report.tested import with_holm
from pelt_core.report.told import in_cell
from pelt_core.report.words import listed
from pelt_core.study.scores import Scores
from pelt_core.study.statistics import LEAST_SEEDS

PAIRS = {"apl": "apl-nogate", "ap": "ap-nogate"}
"""With gates, without."""
POOLED = "pooled"
"""Over the numbers of examples with several seeds, or if none has, over all."""


def pooled(scores: Scores, tasks: Sequence[str]) -> pd.DataFrame:
    """The effect over all tasks, for each combination and number of examples, and over all of these.

    Args:
        scores: of the study.
        tasks: each counts the same, with those numbers of examples with which some method leaves its trivial baseline.

    Returns:
        Columns method, size (the number of examples as text, or `POOLED`), examples (those that it is over, as text),
        state, tasks, seeds, mean, low, high, p, detectable, p_holm (over all lines) and significant.
    """
    apart = {examples: leaving(scores, tasks, examples) for examples in _sizes(scores)[POOLED]}
    lines = [
        {"method": method, "size": size, **_effect(scores, method, cells)}
        for method in PAIRS
        for size, sizes in _sizes(scores).items()
        for cells in [{name: [one for one in sizes if name in apart[one]] for name in tasks}]
    ]
    return with_holm(pd.DataFrame(lines))


def by_task(scores: Scores) -> pd.DataFrame:
    """The effect on each task over all numbers of examples; columns as of `pooled`, with task in the place of size."""
    lines = [
        {"method": method, "task": task, **_effect(scores, method, {task: _sizes(scores)[POOLED]})}
        for method in PAIRS
        for task in dict.fromkeys(run.task for run in scores.runs)
    ]
    return with_holm(pd.DataFrame(lines))


def lines(pooled: pd.DataFrame, by_task: pd.DataFrame) -> pd.DataFrame:
    """Both frames as lines of `pelt_core.report.few_shot.figures.differences`, one heading a combination."""
    own = pd.concat([by_task.assign(line=by_task["task"].map(task_name)), pooled.assign(line=pooled["size"])])
    order = own["method"].map(list(PAIRS).index)
    return own.assign(heading=own["method"].map(method_name), order=order).sort_values("order", kind="stable")


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """`pooled` for the page."""
    return pd.DataFrame(
        {
            "Combination": method_name(one.method),
            "Over": one.size,
            "Examples": one.examples,
            "Effect": in_cell(one, "{:+.1f}"),
            "p": p_value(one.p),
            "p, Holm": p_value(one.p_holm),
            "Detectable": "" if np.isnan(one.detectable) else f"{one.detectable:.1f}",
            "Tasks": str(len(one.tasks)),
            "Seeds": str(one.seeds),
        }
        for one in frame.itertuples()
    )


def _sizes(scores: Scores) -> dict[str, list[int]]:
    sizes = list(dict.fromkeys(run.examples for run in scores.runs))
    return {**{f"{size:,} examples": [size] for size in sizes}, POOLED: sizes}


def _effect(scores: Scores, method: str, cells: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Of tasks with their numbers of examples; each counts the same, those with one seed not where others have more."""
    found = {name: _by_size(scores, method, sizes, name) for name, sizes in cells.items()}
    by_task = {name: _mean(of_task) for name, of_task in found.items() if of_task}
    several = {name: values for name, values in by_task.items() if values.shape[1] >= LEAST_SEEDS} or by_task
    said = listed(f"{size:,}" for size in sorted({size for name in several for size in found[name]}))
    return {"examples": said} | of_differences(pd.concat(several.values(), join="inner") if several else pd.DataFrame())


def _by_size(scores: Scores, method: str, sizes: Sequence[int], name: str) -> dict[int, pd.DataFrame]:
    """What each item adds to the effect, a column a seed, for those sizes that both sides have.

    Sizes with one seed are left out where others have several.
    """
    frames = {}
    for size in sizes:
        sides = [scores.values(method=side, examples=size, task=name) for side in (method, PAIRS[method])]
        if not any(side.empty for side in sides):
            frames[size] = (sides[0] - sides[1]).dropna(axis="columns")
    return {size: frame for size, frame in frames.items() if frame.shape[1] >= LEAST_SEEDS} or frames


def _mean(frames: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """The mean over the sizes, of seeds that have all of them, so that each is the mean of the same.

    A smaller sample is the beginning of a larger one of the same seed, so that they are no independent repetitions.
    """
    joined = pd.concat(frames, axis="columns", names=["examples", "seed"]).T
    whole = joined.groupby(level="seed").filter(lambda own: len(own) == len(frames))
    return whole.groupby(level="seed").mean().T
