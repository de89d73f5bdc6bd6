"""A head that is trained against one that stays as it was drawn, and the published cells that look collapsed."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pelt_core.data.glue.metrics import metric
from pelt_core.data.glue.tasks import task
from pelt_core.report.few_shot.cells import difference, with_holm
from pelt_core.report.few_shot.over_runs import RUN
from pelt_core.report.few_shot.published import low_resource
from pelt_core.study.claims.published import PUBLISHED
from pelt_core.study.scores import POINTS, Scores

NEAR = 0.5
"""Points: a run whose score is that close to what one and the same answer for all rows gets has collapsed."""
NEAR_PUBLISHED, STILL = 1.0, 0.2
"""Points: a published mean so close to such an answer's, or a deviation between shuffles no larger, looks collapsed."""
EXAMPLES = 100
"""Of the published block in which scores collapse."""
FROZEN_THERE = ("bitfit", "prefix", "lora")
"""The methods that the released code trains with the head's weight frozen: those without an adapter."""
FROZEN, TRAINED = "head frozen there", "head trained there"
SIDES: tuple[dict[str, Any], dict[str, Any]] = ({"train_head": False}, {"train_head": True})


@cache
def constants(scores: Scores, name: str) -> tuple[float, ...]:
    """What each answer that is the same for all rows scores on a task, in points; none before a run is recorded."""
    own = scores.table.loc[scores.table["task"] == name, "key"]
    if own.empty:
        return ()
    gold = _items(scores, own.iloc[0])["gold"].tolist()
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


def collapses(scores: Scores) -> pd.DataFrame:
    """Whether each run is where an answer that reads nothing would be.

    Returns:
        Columns method, task, seed, train_head, score, near (to one of `constants`, see `NEAR`), one_answer (whether
        all test rows were given the same class).
    """
    lines = []
    for run in scores.table.itertuples():
        items = _items(scores, run.key)["extracted"]
        line = {name: getattr(run, name) for name in ("method", "task", "seed", "train_head", "score")}
        near = _distance(run.score, constants(scores, run.task)) <= NEAR
        lines.append(line | {"near": near, "one_answer": items.nunique() == 1})
    return pd.DataFrame(lines, columns=["method", "task", "seed", "train_head", "score", "near", "one_answer"])


def published(scores: Scores, path: Path = PUBLISHED) -> pd.DataFrame:
    """UniPELT's table 1 at K = 100, for the methods and tasks of the study of which some run is recorded.

    Returns:
        Columns method, task, value, std, near (to one of `constants`, see `NEAR_PUBLISHED`), still (see `STILL`), and
        suspicious: one of the two.
    """
    table = low_resource(EXAMPLES, path).reset_index()
    own = table[table["method"].isin(scores.names.values()) & table["task"].isin(scores.table["task"])]
    distance = [_distance(one.value, constants(scores, one.task)) for one in own.itertuples()]
    frame = own.assign(near=np.array(distance, float) <= NEAR_PUBLISHED, still=own["std"] <= STILL)
    return frame.assign(suspicious=frame["near"] | frame["still"]).reset_index(drop=True)


def beside(scores: Scores, path: Path = PUBLISHED) -> pd.DataFrame:
    """The share of runs that collapse, beside the published cell: a line a method and task of the study.

    Returns:
        Columns method, task, there (as in `by_run`), published (whether it looks collapsed; NaN where nothing is
        known), value, std, frozen and trained (shares of our runs that collapsed; NaN where none is recorded).
    """
    named = dict.fromkeys((scores.names[run.method], run.task) for run in scores.runs)
    cells = pd.DataFrame(list(named), columns=["method", "task"])
    runs = collapses(scores)
    shares = runs.astype({"near": float}).pivot_table("near", ["method", "task"], "train_head")
    ours = shares.reindex(columns=[False, True]).set_axis(["frozen", "trained"], axis=1).reset_index()
    theirs = published(scores, path).astype({"suspicious": float}).rename(columns={"suspicious": "published"})
    found = cells.merge(theirs[["method", "task", "published", "value", "std"]], "left").merge(ours, "left")
    return found.assign(there=np.where(found["method"].isin(FROZEN_THERE), FROZEN, TRAINED))


def _distance(score: float, levels: tuple[float, ...]) -> float:
    return min((abs(score - level) for level in levels), default=np.inf)


def _items(scores: Scores, key: str) -> pd.DataFrame:
    return pd.DataFrame(scores.ledger.items(next(run for run in scores.runs if run.key == key)))
