"""The page on what the encoder can tell apart: head alone and full fine-tuning against the trivial baseline."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from IPython.display import Markdown

from pelt_core.data.glue.tasks import task
from pelt_core.report.few_shot import limits
from pelt_core.report.few_shot.cells import cells
from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import METRIC_NAMES, backbone_name, method_name, task_name
from pelt_core.report.tables import interval
from pelt_core.report.words import counted, listed
from pelt_core.study.scores import Scores
from pelt_core.study.signal import signals

POOLINGS = {"mean": "mean", "first": "first token", "pair": "pair", "last": "last token"}


def lines(scores: Scores) -> pd.DataFrame:
    """Every cell as a line of `pelt_core.report.few_shot.figures.scores`, one heading a task with its baseline."""
    frame = cells(scores, ("task", "method", "pooling"))
    order = {name: place for place, name in enumerate(dict.fromkeys(run.task for run in scores.runs))}
    frame = frame.assign(order=frame["task"].map(order)).sort_values(["order", "method"], kind="stable")
    named = [f"{method_name(one.method)}, {POOLINGS[one.pooling]}" for one in frame.itertuples()]
    return frame.assign(heading=[_heading(scores, name) for name in frame["task"]], line=named)


def baselines(scores: Scores) -> dict[str, float]:
    """Heading of each task -> its trivial baseline."""
    return {_heading(scores, name): scores.baseline(name) for name in dict.fromkeys(run.task for run in scores.runs)}


def table(scores: Scores) -> pd.DataFrame:
    """For each task the best head alone and the best full fine-tuning, the pooling chosen on development rows."""
    found = signals(scores)
    best = {method: _best(scores, method) for method in ("head", "full")}
    body = []
    for name in dict.fromkeys(run.task for run in scores.runs):
        known = name in found.index
        body.append(
            {
                "Task": task_name(name),
                "Metric": METRIC_NAMES[task(name).metric],
                "Trivial baseline": _number(scores.baseline(name)),
                "Head only": best["head"].get(name, NOT_RUN),
                "Full fine-tuning": best["full"].get(name, NOT_RUN),
                "Can test a claim": ("yes" if found.loc[name, "signal"] else "no") if known else NOT_RUN,
            }
        )
    return pd.DataFrame(body)


def reading(scores: Scores) -> Markdown:
    """Which tasks can test a claim, how far the head alone gets, and which pooling is best."""
    found = signals(scores)
    if found.empty:
        return Markdown("No run of full fine-tuning is recorded yet: nothing is known of any task.")
    said = {flag: [task_name(str(name)) for name in found.index[found["signal"] == flag]] for flag in (True, False)}
    paragraphs = [
        f"**Can test a claim:** {listed(said[True])}. There the whole interval of full fine-tuning lies above the "
        "trivial baseline."
        if said[True]
        else "**No task can test a claim**: nowhere does full fine-tuning leave the trivial baseline.",
        *(
            [
                f"**Cannot:** {listed(said[False])}. Even with everything trained, a guess that reads no text does as "
                "well: differences between methods there are neither for nor against any of them."
            ]
            if said[False]
            else []
        ),
        *_pooled(scores),
    ]
    return Markdown("\n\n".join(paragraphs))


def limit_points(scores: Scores) -> Markdown:
    """One point a limit."""
    seeds = sorted({run.seed for run in scores.runs})
    points = [
        *limits.common(scores),
        f"**{counted(len(seeds), 'seed')}**: the intervals say what other test rows could change. Another sample of "
        "training rows or another start could move a task across the line.",
        "**The rule** takes the best pooling by development rows, and one learning rate: a task without a signal may "
        "have one with another recipe, with more examples or with another backbone.",
        "**With fewer examples** a claim also leaves out the tasks on which, at its number of examples, no recorded "
        "method leaves the trivial baseline, see the limits of [UniPELT with few examples](low-resource).",
    ]
    return Markdown("\n".join(f"- {point}" for point in points))


def facts(scores: Scores) -> dict[str, str]:
    """What other pages quote, as text."""
    found = signals(scores)
    telling, blind = ([task_name(str(n)) for n in found.index[found["signal"] == flag]] for flag in (True, False))
    return {
        "backbone": backbone_name(scores.runs[0].backbone),
        "telling": listed(telling) if telling else "none so far",
        "blind": listed(blind) if blind else "none so far",
        "recorded": f"{len(scores.rows):,} of {len(scores.runs):,}",
    }


def _heading(scores: Scores, name: str) -> str:
    baseline = scores.baseline(name)
    known = "" if np.isnan(baseline) else f", baseline {baseline:.1f}"
    return f"{task_name(name)}, {METRIC_NAMES[task(name).metric]}{known}"


def _number(value: float) -> str:
    return NOT_RUN if np.isnan(value) else f"{value:.1f}"


def _best(scores: Scores, method: str) -> dict[str, str]:
    """Task -> score and pooling of the cell that is best on development rows."""
    own = scores.table[scores.table["method"] == method]
    chosen = own.loc[own.groupby("task")["dev_score"].idxmax()].set_index("task")["pooling"]
    frame = cells(scores, ("task", "method", "pooling"), method=method).set_index(["task", "pooling"])
    return {
        str(name): f"{interval(next(frame.loc[[(name, pooling)]].itertuples()), '{:.1f}')}, {POOLINGS[pooling]}"
        for name, pooling in chosen.items()
    }


def _pooled(scores: Scores) -> Iterator[str]:
    for method, own in scores.table.groupby("method"):
        several = own[own.groupby("task")["pooling"].transform("nunique") > 1]
        if several.empty:
            continue
        best = several.loc[several.groupby("task", sort=False)["dev_score"].idxmax()]
        said = (
            f"{POOLINGS[str(pooling)]} on {listed(map(task_name, chosen['task']))}"
            for pooling, chosen in best.groupby("pooling", sort=False)
        )
        yield f"**Pooling of {method_name(str(method))}**, by development rows: {'; '.join(said)}."
