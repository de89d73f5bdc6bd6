"""Claims on the best place of a module, on runs that answer questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from pelt_core import specification
from pelt_core.study import statistics
from pelt_core.study.claims.evidence import Evidence
from pelt_core.study.claims.finding import Finding, Test
from pelt_core.study.claims.published import Published
from pelt_core.study.claims.reasons import ONE_SEED
from pelt_core.study.places import PLACEMENTS
from pelt_core.study.run import AnswerRun, Run
from pelt_core.study.statistics import LEAST_SEEDS

MEASURES = {"loss": ("loss", "nats per token", -1), "accuracy": ("correct", "points", 1)}
"""Measure -> the field of an item's record, its unit, and whether more is better."""
PUBLISHED_PLACES = {"after MLP": "MLP", "within MLP": "MLP", "attention+MLP": "both"}
"""The paper's words for a place -> ours."""


def place(study: str, test: Mapping[str, Any], evidence: Evidence) -> Finding:
    """The published best place of a method against every other one.

    With v_a and v_b the values at two places, paired over items and seeds, e = mean(v_a) - mean(v_b), the sign turned
    so that the published place comes first. Differences between the other places decide nothing, but count among the
    family's tests, as they are all looked at.

    Args:
        study: whose rows.
        test: `method`, and `measure`, a name of `MEASURES`.
        evidence: the rows, and the published place.
    """
    field, unit, better = MEASURES[test["measure"]]
    claimed = published_place(test["method"], Published(evidence.papers, {"table": "figure-2-placement"}))
    runs = _by_place(test["method"], evidence.runs(study))
    values = {name: _values(own, field, evidence) for name, own in runs.items()}
    tests, missing, seeds, items = [], [], [], []
    for one, other in combinations(sorted(values, key=lambda name: name != claimed), 2):
        found = _difference(values[one], values[other])
        if found is None:
            missing += [f"{one} or {other}"] * (one == claimed)
            continue
        seeds.append(found.seeds)
        items.append(len(values[one].index.intersection(values[other].index)))
        tests.append(_test(f"{one} − {other}", found, better, one == claimed, 100 if unit == "points" else 1))
    return Finding(
        unit=unit,
        tests=tuple(tests),
        missing=tuple(missing) if runs else ("rows of what is compared",),
        seeds=min(seeds, default=0),
        items=min(items, default=0),
        reasons=(ONE_SEED,) * (0 < min(seeds, default=0) < LEAST_SEEDS),
    )


def published_place(method: str, published: Published) -> str:
    """Where the paper found a method to do best: a key of `pelt_core.study.places.PLACEMENTS`."""
    own = published.frame[(published.frame["table"] == published.of["table"]) & (published.frame["method"] == method)]
    words = own["setting"].iloc[0].partition(",")[0].removeprefix("placement=")
    return PUBLISHED_PLACES[words]


def published_effect(test: Mapping[str, Any], published: Published) -> float:
    """Not known: the figure prints the best place alone."""
    return np.nan


def _by_place(method: str, runs: Sequence[Run]) -> dict[str, list[AnswerRun]]:
    names = {positions: name for name, positions in PLACEMENTS[method].items()}
    found: dict[str, list[AnswerRun]] = {}
    for run in runs:
        terms = specification.parse(run.method).terms
        if isinstance(run, AnswerRun) and len(terms) == 1 and terms[0].name == method:
            found.setdefault(names[",".join(terms[0].positions)], []).append(run)
    return found


def _values(runs: Sequence[AnswerRun], field: str, evidence: Evidence) -> pd.DataFrame:
    """One column a finished seed, one line an item, by (set, id)."""
    columns = {}
    for run in runs:
        items = evidence.answered(run)
        if len(items):
            wanted = items[items["set"].isin(run.loss_sets if field == "loss" else run.evaluate)]
            columns[run.seed] = wanted.dropna(subset=field).set_index(["set", "id"])[field].astype(float)
    return pd.DataFrame(columns).dropna()


def _difference(one: pd.DataFrame, other: pd.DataFrame) -> statistics.Estimate | None:
    seeds, items = one.columns.intersection(other.columns), one.index.intersection(other.index)
    if not len(seeds) or not len(items):
        return None
    sets = items.get_level_values("set").tolist()
    return statistics.difference(one.loc[items, seeds].to_numpy(), other.loc[items, seeds].to_numpy(), sets)


def _test(name: str, found: statistics.Estimate, better: int, decides: bool, scale: float) -> Test:
    testable = found.seeds >= LEAST_SEEDS
    return Test(
        name=name,
        effect=scale * found.mean,
        low=scale * found.low,
        high=scale * found.high,
        gain=better * found.mean,
        p=found.p_value if testable else np.nan,
        detectable=scale * found.smallest_detectable if testable else np.nan,
        decides=decides,
    )
