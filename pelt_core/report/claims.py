"""What a paper claims, and the verdict that our paired differences give: computed, never typed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from pelt_core.report.estimates import LEAST_SEEDS
from pelt_core.report.results import DIVERGED, NOT_RUN
from pelt_core.study.claims.finding import Finding, Test, Verdict, verdict
from pelt_core.study.claims.places import PUBLISHED_PLACES
from pelt_core.study.claims.published import PUBLISHED


@dataclass(frozen=True)
class Claim:
    """One claim about one method, and what became of it."""

    method: str
    place: str
    verdict: Verdict
    reasons: pd.DataFrame

    def __str__(self) -> str:
        """The verdict, with what keeps it from being another where that is no matter of size."""
        if self.verdict == "undecided at this scale":
            if (self.reasons["state"] == DIVERGED).any():
                return f"{self.verdict} (a cell diverged)"
            if (self.reasons["seeds"] < LEAST_SEEDS).any():
                return f"{self.verdict} (one seed: no verdict)"
        return self.verdict


def published_places(path: Path = PUBLISHED) -> pd.DataFrame:
    """Figure 2 of LLM-Adapters, the best place of each method: method, placement, value in percent, backbone, size."""
    table = pd.read_csv(path)
    own = table[table["table"] == "figure-2-placement"]
    said = own["setting"].str.extract("placement=(?P<place>[^,]+), (?P<size>.+)")
    whole = own.assign(placement=said["place"].map(PUBLISHED_PLACES), size=said["size"])
    return whole[["method", "placement", "value", "backbone", "size"]].reset_index(drop=True)


def best_place(method: str, place: str, differences: pd.DataFrame, better: Literal["lower", "higher"]) -> Claim:
    """The claim that `place` is the best one for `method`.

    Supported when it beats every other place, contradicted when some other place beats it, each after Holm's
    correction, which takes `LEAST_SEEDS` seeds; else undecided, or, where a comparison is missing and none of the
    others contradicts, incomplete, not run yet if all are.

    Args:
        method: name in the catalogue.
        place: the place that is said to be best.
        differences: as `pelt_core.report.estimates.pairs` returns them.
        better: whether lower or higher values are better.
    """
    own = differences[differences["method"] == method]
    reasons = own[(own["first"] == place) | (own["second"] == place)].copy()
    made = reasons[reasons["state"] != NOT_RUN]
    turn = np.where(made["first"] == place, 1.0, -1.0) * (1.0 if better == "higher" else -1.0)
    tests = tuple(
        Test(place, mean, np.nan, np.nan, gain, np.nan)
        for mean, gain in zip(made["mean"], turn * made["mean"], strict=True)
    )
    missing = (NOT_RUN,) * (len(made) < len(reasons) or reasons.empty)
    return Claim(method, place, verdict(Finding("", tests, missing), made["p_holm"]), reasons)
