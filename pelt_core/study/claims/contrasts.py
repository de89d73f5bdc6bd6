"""Claims on differences of mean scores: paired over items and seeds, each task counting the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from pelt_core.study import statistics
from pelt_core.study.best_module import best
from pelt_core.study.claims import bounds, reasons
from pelt_core.study.claims.evidence import Aligned, Evidence
from pelt_core.study.claims.finding import Finding, Test
from pelt_core.study.claims.published import Published

BEST = "best"
"""In the place of a method: the best of several, see `pelt_core.study.best_module`."""
UNIT = "points"


def contrast(study: str, test: Mapping[str, Any], evidence: Evidence) -> Finding:
    """A weighted sum of cells against its claimed bounds.

    With weights w_c and the mean over tasks, items and seeds of cell c's values, the effect is

        e = sum_c w_c mean(v_c),

    a difference of two cells for the weights 1 and -1, and a difference of differences for more. An interval that is
    claimed (`above` and `below`) is two tests.

    Args:
        study: whose rows.
        test: `cells`, name -> weight; `above` or `below`, the bounds in points; `examples`, `tasks`, and `best`, what
            the cell of that name is chosen from: `of` methods, `by` a column of scores, for `each` task or the grid.
        evidence: the rows.
    """
    weights = test["cells"]
    members = list(dict.fromkeys(name for one in weights for name in (test[BEST]["of"] if one == BEST else [one])))
    aligned = _aligned(study, members, test, evidence)
    tests: list[Test] = []
    if aligned.tasks:
        frames = aligned.frames
        if BEST in weights:
            own, how = {name: frames[name] for name in test[BEST]["of"]}, test[BEST]
            frames = frames | {BEST: best(evidence.scores(study), own, how["by"], how["each"], **_rows(test))}
        values = sum(weight * frames[name] for name, weight in weights.items())
        assert isinstance(values, pd.DataFrame)
        tests = list(bounds.against(bounds.name(weights), values, test, statistics.pooled))
    return _finding(aligned, tests)


def best_of(study: str, test: Mapping[str, Any], evidence: Evidence) -> Finding:
    """One cell against each of several others: e_k = mean(v) - mean(v_k), one test a rival.

    Args:
        study: whose rows.
        test: `method`, `than`, the rivals, and `examples`, `tasks`, `above` or `below` as in `contrast`.
        evidence: the rows.
    """
    tests: list[Test] = []
    found: list[Aligned] = []
    for rival in test["than"]:
        aligned = _aligned(study, [test["method"], rival], test, evidence)
        found.append(aligned)
        if aligned.tasks:
            values = aligned.frames[test["method"]] - aligned.frames[rival]
            tests += bounds.against(f"{test['method']} − {rival}", values, test, statistics.pooled)
    compared = [aligned for aligned in found if aligned.tasks]
    least = min(compared or found, key=lambda aligned: (len(aligned.tasks), aligned.seeds))
    absent = [rival for rival, aligned in zip(test["than"], found, strict=True) if not aligned.tasks]
    return _finding(least, tests, absent)


def apart(study: str, test: Mapping[str, Any], evidence: Evidence) -> Finding:
    """Whether any two of several cells are further apart than `by`: |mean(v_j) - mean(v_k)| > by, one test a pair.

    Args:
        study: whose rows.
        test: `cells`, `by`, in points, and `examples` and `tasks` as in `contrast`.
        evidence: the rows.
    """
    tests: list[Test] = []
    aligned = _aligned(study, test["cells"], test, evidence)
    for one, other in combinations(test["cells"], 2) if aligned.tasks else ():
        values = aligned.frames[one] - aligned.frames[other]
        if values.to_numpy().mean() < 0:
            one, other, values = other, one, -values
        tests += bounds.against(f"{one} − {other}", values, {"above": test["by"]}, statistics.pooled)
    return _finding(aligned, tests, needs="any")


def published_contrast(test: Mapping[str, Any], published: Published) -> float:
    """The effect of `contrast` in the paper's own numbers."""

    def mean(name: str) -> float:
        if name != BEST:
            return float(published.numbers(name, test.get("tasks", ())).mean())
        table = pd.DataFrame({m: published.numbers(m, test.get("tasks", ())) for m in test[BEST]["of"]})
        return float(table.max(axis=1).mean() if test[BEST]["each"] == "task" else table.mean().max())

    return sum(weight * mean(name) for name, weight in test["cells"].items())


def published_best_of(test: Mapping[str, Any], published: Published) -> float:
    """The paper's difference from the rival that comes closest to refuting the claim."""
    gaps = [published_contrast({**test, "cells": {test["method"]: 1, rival: -1}}, published) for rival in test["than"]]
    return min(gaps) if "above" in test else max(gaps)


def _aligned(study: str, members: Sequence[str], test: Mapping[str, Any], evidence: Evidence) -> Aligned:
    cells = {name: {"method": name, **_rows(test)} for name in members}
    return evidence.aligned(study, cells, test.get("tasks", ()), test.get("examples"))


def _rows(test: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that select runs besides the method."""
    return {"examples": test["examples"]} if "examples" in test else {}


def _finding(aligned: Aligned, tests: Sequence[Test], absent: Sequence[str] = (), **more: Any) -> Finding:
    return Finding(
        unit=UNIT,
        tests=tuple(tests),
        missing=tuple(absent) if tests else aligned.unrecorded,
        seeds=aligned.seeds,
        items=aligned.items,
        tasks=aligned.tasks,
        silent=aligned.silent.tasks,
        reasons=reasons.of_tasks(aligned),
        **more,
    )
