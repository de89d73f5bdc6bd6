"""A head that is trained against one that stays as it was drawn, and the published cells that look collapsed."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pelt_core.data.glue.metrics import metric
from pelt_core.data.glue.tasks import task
from pelt_core.report.few_shot.cells import difference
from pelt_core.report.few_shot.over_runs import RUN
from pelt_core.report.few_shot.published import low_resource
from pelt_core.report.few_shot.tasks import leaving, tasks
from pelt_core.report.tested import with_holm
from pelt_core.study.claims.published import PUBLISHED
from pelt_core.study.scores import POINTS, Scores

NEAR_PUBLISHED, STILL = 1.0, 0.2
"""Points: a published mean so close to such an answer's, or a deviation between shuffles no larger, looks collapsed."""
EXAMPLES = 100
"""Of the published block in which scores collapse."""
FROZEN_THERE = ("bitfit", "prefix", "lora")
"""The methods that the released code trains with the head's weight frozen: those without an adapter."""
OF_PAPER = " in UniPELT's code"
FROZEN, TRAINED = f"head frozen{OF_PAPER}", f"head trained{OF_PAPER}"
ROUNDING = 1e-9
"""Points by which two ways to compute one score may differ."""
SIDES: tuple[dict[str, Any], dict[str, Any]] = ({"train_head": False}, {"train_head": True})


@cache
def constants(labels: Scores, name: str) -> tuple[float, ...]:
    """What each answer that is the same for all rows scores on a task, in points; none if no row has its labels."""
    own = labels.table.loc[labels.table["task"] == name, "key"]
    if own.empty:
        return ()
    gold = _items(labels, own.iloc[0])["gold"].tolist()
    answers = range(len(task(name).labels)) or [0.0]
    return tuple(POINTS * metric(name, [answer] * len(gold), gold)[task(name).metric] for answer in answers)


def by_task(scores: Scores) -> pd.DataFrame:
    """Frozen − trained on every task.

    Returns:
        Columns method, task, those of `pelt_core.report.few_shot.cells.paired`, p_holm and significant.
    """
    cells = dict.fromkeys((scores.names[run.method], run.task) for run in scores.runs)
    lines = [{"method": m, "task": t} | difference(scores, *SIDES, method=m, task=t) for m, t in cells]
    return with_holm(pd.DataFrame(lines))


def by_run(scores: Scores) -> pd.DataFrame:
    """Frozen − trained of every pair of runs that differ in nothing else: columns of `RUN`, there, difference.

    `there` says what the released code does with the head of such a method.
    """
    table = scores.table.assign(head=np.where(scores.table["train_head"], "trained", "frozen"))
    both = table.pivot_table("score", list(RUN), "head", sort=False).reindex(columns=["frozen", "trained"]).dropna()
    frame = (both["frozen"] - both["trained"]).rename("difference").reset_index()
    return frame.assign(there=np.where(frame["method"].isin(FROZEN_THERE), FROZEN, TRAINED))


def telling(scores: Scores) -> pd.DataFrame:
    """`by_run` on the tasks on which some method leaves the trivial baseline, see `tasks.leaving`."""
    return (found := by_run(scores))[found["task"].isin(leaving(scores, tasks(scores), EXAMPLES))]


def collapses(scores: Scores) -> pd.DataFrame:
    """Whether each run has collapsed, and whether it learned anything.

    Returns:
        Columns method, task, seed, train_head, score, one_answer (a collapse: all test rows were given the same
        answer), low (at or below the trivial baseline, with whatever answers).
    """
    lines = []
    for run in scores.table.itertuples():
        items = _items(scores, run.key)["extracted"]
        line = {name: getattr(run, name) for name in ("method", "task", "seed", "train_head", "score")}
        low = run.score <= scores.baseline(run.task) + ROUNDING
        lines.append(line | {"one_answer": items.nunique() == 1, "low": low})
    return pd.DataFrame(lines, columns=["method", "task", "seed", "train_head", "score", "one_answer", "low"])


def in_pairs(scores: Scores) -> pd.DataFrame:
    """`collapses` of the methods of `FROZEN_THERE`, of shuffles with both heads, on the tasks of `telling`."""
    runs = collapses(scores)
    own = runs[runs["method"].isin(FROZEN_THERE) & runs["task"].isin(leaving(scores, tasks(scores), EXAMPLES))]
    return own[own.groupby(["method", "task", "seed"])["train_head"].transform("nunique") == 2]


def published(scores: Scores, labels: Scores, path: Path = PUBLISHED) -> pd.DataFrame:
    """UniPELT's table 1 at K = 100, for the methods and tasks of the study, whether its runs are recorded or not.

    Args:
        scores: of the study.
        labels: of studies whose recorded rows have the labels of its tasks.
        path: of the published numbers.

    Returns:
        Columns method, task, value, std, near (to one of `constants`, see `NEAR_PUBLISHED`), still (see `STILL`), and
        suspicious: 1 if one of the two, 0 if neither, NaN if it is not still and no label is known.
    """
    table = low_resource(EXAMPLES, path).reset_index()
    own = table.merge(_cells(scores), on=["method", "task"])
    levels = [constants(labels, name) for name in own["task"]]
    distance = np.array([_distance(value, known) for value, known in zip(own["value"], levels, strict=True)], float)
    frame = own.assign(near=distance <= NEAR_PUBLISHED, still=own["std"] <= STILL)
    looks = (frame["near"] | frame["still"]).astype(float)
    return frame.assign(suspicious=looks.where(frame["still"] | np.array([bool(known) for known in levels], bool)))


def beside(scores: Scores, labels: Scores, path: Path = PUBLISHED) -> pd.DataFrame:
    """The share of runs that collapse, beside the published cell: a line a method and task of the study.

    Args as of `published`.

    Returns:
        Columns method, task, there (as in `by_run`), published (whether it looks collapsed; NaN where that is not
        known), value, std; and shares of our runs, NaN where none is recorded: frozen and trained, of those that
        collapsed, frozen_low and trained_low, of those at or below the trivial baseline, and how many these are,
        frozen_runs and trained_runs.
    """
    runs = collapses(scores).astype({"one_answer": float, "low": float})
    shares = runs.pivot_table(["one_answer", "low"], ["method", "task"], "train_head")
    sides = [(which, trained) for which in ("one_answer", "low") for trained in (False, True)]
    ours = shares.reindex(columns=pd.MultiIndex.from_tuples(sides))
    ours = ours.set_axis(["frozen", "trained", "frozen_low", "trained_low"], axis=1)
    counts = runs.groupby(["method", "task", "train_head"]).size().unstack().reindex(columns=[False, True])
    ours = ours.join(counts.set_axis(["frozen_runs", "trained_runs"], axis=1)).reset_index()
    theirs = published(scores, labels, path).rename(columns={"suspicious": "published"})
    found = _cells(scores).merge(theirs[["method", "task", "published", "value", "std"]], "left").merge(ours, "left")
    return found.assign(there=np.where(found["method"].isin(FROZEN_THERE), FROZEN, TRAINED))


def _cells(scores: Scores) -> pd.DataFrame:
    """The methods and tasks of the study, in the order of its grid."""
    named = dict.fromkeys((scores.names[run.method], run.task) for run in scores.runs)
    return pd.DataFrame(list(named), columns=["method", "task"])


def _distance(score: float, levels: tuple[float, ...]) -> float:
    return min((abs(score - level) for level in levels), default=np.inf)


def _items(scores: Scores, key: str) -> pd.DataFrame:
    return pd.DataFrame(scores.ledger.items(next(run for run in scores.runs if run.key == key)))
