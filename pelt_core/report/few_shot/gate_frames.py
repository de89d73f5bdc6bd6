"""What the figures of the page on gates draw: one frame each, from the recorded runs."""

from __future__ import annotations

import pandas as pd

from pelt_core.report.few_shot.forced import FORCED, forced, padded_by_site
from pelt_core.report.few_shot.gates import by_site, gated, of_items, over_training, right_and_wrong
from pelt_core.report.few_shot.over_runs import over_runs
from pelt_core.report.few_shot.tuned import sizes
from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import method_name, task_name
from pelt_core.report.tested import with_holm
from pelt_core.study.run import ClassificationRun
from pelt_core.study.scores import POINTS, Scores

COMBINED = ("ap", "apl")
"""The methods with several modules behind gates."""
SHORT = {"batch": "batch", "max_length": "longest"}


def over_tasks(scores: Scores, method: str, examples: int) -> pd.DataFrame:
    """Every gate of a method on test rows of each task, means over seeds: columns as `heat_figures.heat` takes them."""
    sites = by_site(scores, method=method, examples=examples)
    frame = sites.groupby(["gate", "task", "layer"], sort=False)["mean"].mean().rename("value").reset_index()
    return frame.assign(facet="", column=frame["task"].map(task_name))


def over_epochs(scores: Scores, method: str, examples: int) -> pd.DataFrame:
    """Every gate over the epochs of the first recorded run on each task: columns as `heat_figures.heat` takes them."""
    frames = [
        over_training(scores, run).assign(facet=task_name(run.task))
        for run in first_of_each_task(scores, method, examples)
    ]
    columns = ["facet", "gate", "layer", "column", "value"]
    return (
        pd.concat(frames).rename(columns={"epoch": "column", "mean": "value"})[columns]
        if frames
        else pd.DataFrame(columns=columns)
    )


def of_rows(scores: Scores, method: str, examples: int) -> pd.DataFrame:
    """The gates of the test rows of the same runs, where answers are right or wrong: facet, module, gate, correct."""
    frames = [
        of_items(scores, run).dropna().assign(facet=task_name(run.task))
        for run in first_of_each_task(scores, method, examples)
    ]
    return pd.concat(frames) if frames else pd.DataFrame(columns=["facet", "module", "gate", "correct"])


def first_of_each_task(scores: Scores, method: str, examples: int) -> list[ClassificationRun]:
    """The recorded run of the least seed on each task."""
    first: dict[str, ClassificationRun] = {}
    for run in sorted(gated(scores, method=method, examples=examples), key=lambda run: run.seed):
        first.setdefault(run.task, run)
    return list(first.values())


def padded_heat(scores: Scores) -> pd.DataFrame:
    """How far padding moves every gate, by task, the mean over runs: columns as `heat_figures.heat` takes them."""
    sites = padded_by_site(scores)
    by = ["gate", "task", "reading", "layer"]
    frame = sites.groupby(by, sort=False)["moved"].mean().rename("value").reset_index()
    return frame.assign(facet=frame["task"].map(task_name), column=frame["reading"].map(SHORT))


def forced_lines(scores: Scores, examples: int) -> pd.DataFrame:
    """What forcing the gates of each combination adds to the score, with this number of examples.

    Columns as `pelt_core.report.few_shot.figures.differences` takes them, and those of `over_runs` with p_holm.
    """
    read = forced(scores, method=list(COMBINED), examples=examples)
    frame = with_holm(over_runs(read, "difference", ["method", "value"]))
    every = pd.DataFrame([(m, v) for m in COMBINED for v in FORCED], columns=["method", "value"])
    lines = every.merge(frame, "left")
    return _lines(lines, lines["method"].map(method_name), lines["value"].map(FORCED))


def right_and_wrong_lines(scores: Scores, examples: int) -> pd.DataFrame:
    """Whether gates tell right from wrong answers, in hundredths of a pair; columns as those of `forced_lines`."""
    found = right_and_wrong(scores, gated(scores, method=list(COMBINED), examples=examples))
    frame = with_holm(over_runs(found.assign(above=POINTS * found["above"]), "above", ["method", "module"]))
    named = {module: name for name, module in (("prefix", "Prefix"), ("lora", "LoRA"), ("adapter", "Adapter"))}
    lines = frame.assign(combination=frame["method"], method=frame["module"].map(named))
    return _lines(lines, lines["combination"].map(method_name), lines["module"])


def size_lines(scores: Scores, examples: int) -> pd.DataFrame:
    """Longer prefixes, smaller and larger bottlenecks; columns as those of `forced_lines`."""
    lines = sizes(scores, examples)
    return _lines(lines, lines["task"].map(task_name), lines["comparison"])


def _lines(frame: pd.DataFrame, heading: pd.Series, line: pd.Series) -> pd.DataFrame:
    state = frame["mean"].map(lambda mean: NOT_RUN if pd.isna(mean) else "")
    significant = frame["significant"].eq(True) if len(frame) else []
    return frame.assign(heading=heading, line=line, state=state, significant=significant)
