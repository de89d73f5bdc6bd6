"""Which published scores are those of a guess that reads no text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pelt_core.data.glue.metrics import baselines
from pelt_core.data.glue.tasks import task
from pelt_core.report.few_shot.published import low_resource
from pelt_core.report.names import METRIC_NAMES, method_name, task_name
from pelt_core.report.words import listed
from pelt_core.study.scores import POINTS, Scores

PRINTED = 0.005
"""Half of the last digit that the paper prints, in points."""


def guesses(scores: Scores) -> pd.DataFrame:
    """What guesses reach on the recorded test rows of each task, in points: columns task, guess, score."""
    lines = []
    for name in dict.fromkeys(run.task for run in scores.runs):
        key = next((run for run in scores.runs if run.task == name and run.key in set(scores.table["key"])), None)
        labels = [item["gold"] for item in scores.ledger.items(key)] if key else []
        found = baselines(name, labels) if labels else {}
        lines += [{"task": name, "guess": guess, "score": POINTS * v} for guess, m in found.items() for v in m.values()]
    return pd.DataFrame(lines, columns=["task", "guess", "score"])


def at_baseline(published: pd.DataFrame, guessed: pd.DataFrame) -> pd.DataFrame:
    """The published scores that are no better than guesses.

    Args:
        published: value and std by (method, task), see `pelt_core.report.few_shot.published.low_resource`.
        guessed: see `guesses`.

    Returns:
        One line a cell that is in a class: method, task, value, std, guess, score and how: `equal`, the guess's score
        to the last printed digit; `within`, at most one published deviation away from the best guess; `below`, lower.
    """
    lines = []
    for (method, name), one in published.iterrows():
        own = guessed[guessed["task"] == name]
        if own.empty or name == "avg":
            continue
        gaps = one["value"] - own["score"]
        nearest, best = own.loc[gaps.abs().idxmin()], own.loc[own["score"].idxmax()]
        gap, spread = one["value"] - best["score"], np.nan_to_num(one["std"])
        how = "equal" if gaps.abs().min() < PRINTED else "within" if abs(gap) <= spread else "below" if gap < 0 else ""
        if how:
            guess = nearest if how == "equal" else best
            lines.append(
                {"method": method, "task": name, **one, "guess": guess["guess"], "score": guess["score"], "how": how}
            )
    return pd.DataFrame(lines, columns=["method", "task", "value", "std", "guess", "score", "how"])


def published_cells(scores: Scores) -> str:
    """The published cells that are no better than guesses, in sentences, for the fewest examples that the paper has."""
    guessed = guesses(scores)
    if guessed.empty:
        return "No label of a test row is recorded yet, so that no baseline is known."
    for examples in sorted({run.examples for run in scores.runs}):
        published = low_resource(examples)
        if len(published):
            own = published[published.index.get_level_values("task").isin(guessed["task"])]
            return reading(at_baseline(own, guessed), len(own), examples)
    return "The paper has no scores with as many examples as these."


def reading(found: pd.DataFrame, cells: int, examples: int) -> str:
    """The cells in a sentence or three.

    Args:
        found: of `at_baseline`.
        cells: how many published cells were looked at.
        examples: of their block.
    """
    said = {how: listed(_named(one) for one in own.itertuples()) for how, own in found.groupby("how")}
    sentences = [
        f"Of the {cells} published cells with {examples:,} examples, {len(found)} are equal to a guess that reads no "
        "text, within a deviation of it, or below."
    ]
    if "equal" in said:
        sentences.append(f"Equal to it, to the last printed digit: {said['equal']}.")
    if "within" in said:
        sentences.append(f"Within one published deviation of the best guess: {said['within']}.")
    if "below" in said:
        sentences.append(f"Below it: {said['below']}.")
    sentences.append("Labels are those of our test rows, which of large tasks are but a part.")
    return " ".join(sentences)


def _named(one: Any) -> str:
    measure = METRIC_NAMES[task(one.task).metric]
    return (
        f"*{method_name(one.method)}* on {task_name(one.task)} ({measure} {one.value:.2f}; {one.guess} {one.score:.2f})"
    )
