"""Claims on runs that answer questions: paired over items and seeds, each data set counting the same.

Unlike a classifier, which is trained on every task anew, one model is asked on all sets, so that a seed has one effect
on all of them: estimates are those of `pelt_core.study.statistics.estimate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pelt_core.study import statistics
from pelt_core.study.answer_scores import AnswerScores
from pelt_core.study.claims import bounds
from pelt_core.study.claims.evidence import Evidence
from pelt_core.study.claims.finding import Finding, Test
from pelt_core.study.claims.reasons import ONE_SEED
from pelt_core.study.statistics import LEAST_SEEDS

UNITS = {"nats": "nats per token"}
"""Of a measure -> what a verdict calls it, where that says more."""


def contrast(study: str, test: Mapping[str, Any], evidence: Evidence) -> Finding:
    """A weighted sum of cells against its claimed bounds, e = sum_c w_c mean(v_c).

    Args:
        study: whose rows.
        test: `measure`, a name of `pelt_core.study.answer_scores.MEASURES`; `cells`, name -> weight; `above` or
            `below`, the bounds in its unit; `tasks`, data sets, all if left out; `where`, columns of
            `pelt_core.study.answer_scores.AnswerScores.table` that select the runs of every cell, and `each`, those of
            one: a cell without any is the method of its name.
        evidence: the rows.
    """
    scores = evidence.answers(study, test["measure"])
    cells = {name: _values(scores, name, test) for name in test["cells"]}
    missing = [name for name, frame in cells.items() if frame.empty]
    tests: list[Test] = []
    values = pd.DataFrame()
    if not missing:
        values = sum(weight * frame for weight, frame in zip(test["cells"].values(), paired(cells), strict=True))
        tests = list(bounds.against(bounds.name(test["cells"]), values, test, statistics.estimate))
    return finding_of(scores, tests, missing, [values])


def best_of(study: str, test: Mapping[str, Any], evidence: Evidence) -> Finding:
    """One cell against each of several others: e_k = mean(v) - mean(v_k), one test a rival.

    Args:
        study: whose rows.
        test: `method`, `than`, the rivals, and the rest as in `contrast`.
        evidence: the rows.
    """
    scores = evidence.answers(study, test["measure"])
    own = _values(scores, test["method"], test)
    found = {rival: paired({"own": own, rival: _values(scores, rival, test)}) for rival in test["than"]}
    values = {rival: one - other for rival, (one, other) in found.items() if len(one) and len(other)}
    tests = [
        line
        for rival, difference in values.items()
        for line in bounds.against(f"{test['method']} − {rival}", difference, test, statistics.estimate)
    ]
    missing = [test["method"]] * own.empty + [rival for rival in test["than"] if rival not in values]
    return finding_of(scores, tests, missing, list(values.values()))


def _values(scores: AnswerScores, name: str, test: Mapping[str, Any]) -> pd.DataFrame:
    columns = {"method": name, **test.get("where", {}), **test.get("each", {}).get(name, {})}
    return scores.values(test.get("tasks", ()), **columns)


def paired(cells: Mapping[str, pd.DataFrame]) -> list[pd.DataFrame]:
    """The frames at the items and seeds that all of them have, in the order of the cells."""
    frames = list(cells.values())
    items, seeds = frames[0].index, frames[0].columns
    for frame in frames[1:]:
        items, seeds = items.intersection(frame.index), seeds.intersection(frame.columns)
    return [frame.loc[items, seeds] for frame in frames]


def finding_of(
    scores: AnswerScores, tests: Sequence[Test], missing: Sequence[str], values: Sequence[pd.DataFrame]
) -> Finding:
    """What tests on answers give together.

    Args:
        scores: of the study, by the measure that is tested.
        tests: those that could be made.
        missing: what is not recorded yet.
        values: the differences that were tested, by (task, id) and seed.
    """
    known = [frame for frame in values if len(frame)]
    seeds = min((frame.shape[1] for frame in known), default=0)
    sets = dict.fromkeys(name for frame in known for name in frame.index.get_level_values("task"))
    return Finding(
        unit=UNITS.get(scores.how.unit, scores.how.unit),
        tests=tuple(tests),
        missing=tuple(missing) if tests else ("rows of what is compared",),
        seeds=seeds,
        items=min((len(frame) for frame in known), default=0),
        tasks=tuple(sets),
        reasons=(ONE_SEED,) * (0 < seeds < LEAST_SEEDS),
    )
