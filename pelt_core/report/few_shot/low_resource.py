"""The page on UniPELT with few examples: the paper's table with ours in it, averages, and what they say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pelt_core.data.glue.tasks import task as glue_task
from pelt_core.report.few_shot import cells
from pelt_core.report.few_shot.published import low_resource
from pelt_core.report.few_shot.tasks import leaving
from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import METRIC_NAMES, method_name, task_name
from pelt_core.report.tables import interval
from pelt_core.report.words import counted, listed
from pelt_core.study.scores import Scores
from pelt_core.study.signal import has_signal

BASELINE = "Trivial baseline"
NOT_IN_THE_STUDY = "–"
"""In the place of ours where the paper alone has a method on a task."""


def sizes(scores: Scores) -> list[int]:
    """The numbers of examples that the study trains on."""
    return list(dict.fromkeys(run.examples for run in scores.runs))


def telling_tasks(scores: Scores, signal: Scores) -> list[str]:
    """The study's tasks but those of which it is known that they cannot test a claim.

    Args:
        scores: of the study.
        signal: of the study glue-signal.
    """
    known = has_signal(signal)
    return [name for name in dict.fromkeys(run.task for run in scores.runs) if known.get(name, True)]


def averaged(scores: Scores, tasks: Sequence[str], examples: int) -> list[str]:
    """Those of these tasks that a mean with so many examples is over; none where nothing is recorded.

    All recorded methods are recorded on them, and some method leaves the trivial baseline; where no task is left by
    that, those count on which none does. Tasks with one seed are left out where others have several.
    """
    recorded = [name for name in cells.recorded_tasks(scores, examples=examples) if name in tasks]
    own = scores.table[scores.table["examples"] == examples]
    methods = list(own.loc[own["task"].isin(recorded), "method"].unique())
    return cells.well_recorded(scores, methods, examples, leaving(scores, recorded, examples) or recorded)


def averages(scores: Scores, tasks: Sequence[str]) -> pd.DataFrame:
    """The mean of every method over `averaged` tasks, for each number of examples.

    The heading says how many methods these are where some are not run yet.

    Args:
        scores: of the study.
        tasks: of these.

    Returns:
        The columns of `cells`, by examples and method, and tasks (which), heading and line, and baseline: the mean of
        the trivial baselines of these tasks. Where nothing is recorded there is one line for all methods.
    """
    frames = []
    for examples in sizes(scores):
        own = averaged(scores, tasks, examples)
        frame = cells.cells(scores, ("examples", "method"), examples=examples, task=own or list(tasks))
        baseline = np.mean([scores.baseline(name) for name in own]) if own else np.nan
        known, every = int(frame["mean"].notna().sum()), len(frame)
        part = f", {known} of {every} methods" * (known < every)
        whole = f"{examples:,} examples, {counted(len(own), 'task')}{part}, baseline {baseline:.1f}"
        heading, names = (
            (whole, frame["method"].map(method_name)) if own else (f"{examples:,} examples", "every method")
        )
        frame = frame if own else frame.head(1)
        frames.append(frame.assign(tasks=[own] * len(frame), heading=heading, line=names, baseline=baseline))
    return pd.concat(frames, ignore_index=True)


def means(frame: pd.DataFrame) -> pd.DataFrame:
    """What the figure of means shows: a line a method and a column a number of examples, then what a mean is over.

    Args:
        frame: as `averages` gives it.

    Returns:
        Mean [interval] in points and, in brackets, the number of seeds; below, the trivial baseline and the tasks.
    """
    columns = {}
    for examples, own in frame.groupby("examples", sort=False):
        cells = {one.method: one.state or f"{interval(one, '{:.1f}')} ({one.seeds})" for one in own.itertuples()}
        tasks, baseline = own["tasks"].iloc[0], own["baseline"].iloc[0]
        foot = [f"{baseline:.1f}", listed(map(task_name, tasks))] if tasks else [NOT_RUN, NOT_RUN]
        columns[f"{examples:,} examples"] = cells | dict(zip((BASELINE, "Tasks"), foot, strict=True))
    methods = [*dict.fromkeys(frame["method"]), BASELINE, "Tasks"]
    found = pd.DataFrame(columns).reindex(methods).fillna(NOT_RUN)
    return found.rename(index=method_name).rename_axis("Method").reset_index()


def table(scores: Scores, examples: int, telling: Sequence[str]) -> pd.DataFrame:
    """The paper's table for one number of examples; in each cell first ours, then, below, the published score.

    Mean ± deviation over shuffles, in brackets how many of them; the published deviation is over five. The first line
    says so where there is no score of ours; what the paper does not have is left out. The two means come first, over
    all tasks and over the telling ones; there are none while a task is lacking.
    """
    tasks = list(dict.fromkeys(run.task for run in scores.runs))
    ours = cells.cells(scores, examples=examples).set_index(["method", "task"])
    averages = [
        (group, cells.cells(scores, ("method",), examples=examples, task=list(group))) for group in (tasks, telling)
    ]
    paper = low_resource(examples)
    methods = [*dict.fromkeys(ours.index.get_level_values("method")), *(m for m, _ in paper.index)]
    lines = []
    for method in dict.fromkeys(methods):
        known = paper.loc[method] if method in paper.index.get_level_values(0) else None
        line = {"Method": method_name(method)}
        for title, (group, frame) in zip(_averages(tasks, telling), averages, strict=True):
            own = frame[frame["method"] == method]
            line[title] = _both(own.iloc[0] if len(own) else None, _published(known, group))
        for name in tasks:
            one = ours.loc[(method, name)] if (method, name) in ours.index else None
            line[_heading(name)] = _both(one, _published(known, [name]))
        lines.append(line)
    return pd.DataFrame([_baseline(scores, tasks, telling), *lines])


def _averages(tasks: Sequence[str], telling: Sequence[str]) -> tuple[str, str]:
    return f"Mean of {len(tasks)}", f"Mean of {len(telling)} with a signal"


def _heading(name: str) -> str:
    return f"{task_name(name)}, {METRIC_NAMES[glue_task(name).metric]}"


def _baseline(scores: Scores, tasks: Sequence[str], telling: Sequence[str]) -> dict[str, str]:
    found = {name: scores.baseline(name) for name in tasks}
    means = (np.mean([found[name] for name in group]) if group else np.nan for group in (tasks, telling))
    numbers = [*means, *found.values()]
    titles = [*_averages(tasks, telling), *map(_heading, tasks)]
    said = [NOT_RUN if np.isnan(number) else f"{number:.1f}" for number in numbers]
    return {"Method": BASELINE, **dict(zip(titles, said, strict=True))}


def _both(ours: Any, published: str) -> str:
    if ours is None:
        first = NOT_IN_THE_STUDY
    elif ours["state"]:
        first = ours["state"]
    else:
        spread = "" if np.isnan(ours["deviation"]) else f" ± {ours['deviation']:.1f}"
        first = f"{ours['mean']:.1f}{spread} ({ours['seeds']})".replace("-", "−")
    first, second = (text.replace(" ", "\N{NO-BREAK SPACE}") for text in (first, published))
    return first + (second and f'<br><span class="pelt-published">{second}</span>')


def _published(known: pd.DataFrame | None, group: Sequence[str]) -> str:
    """The published score of one task with its deviation, or the mean over several; empty where one is not printed."""
    if known is None or not group or not set(group) <= set(known.index):
        return ""
    own = known.loc[list(group)]
    if len(group) == 1:
        return f"{own['value'].iloc[0]:.2f} ± {own['std'].iloc[0]:.2f}"
    return f"{own['value'].mean():.2f}"
