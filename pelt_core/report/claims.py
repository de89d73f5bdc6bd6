"""What a paper claims, and the verdict that our paired differences give: computed, never typed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

Verdict = Literal["supported", "contradicted", "undecided at this scale", "not run yet"]
PUBLISHED = Path("data/published/paper_results.csv")
_PLACES = {"after MLP": "MLP", "within MLP": "MLP", "attention+MLP": "both"}


@dataclass(frozen=True)
class Claim:
    """One claim about one method, and what became of it."""

    method: str
    place: str
    verdict: Verdict
    reasons: pd.DataFrame


def published_places(path: Path = PUBLISHED) -> pd.DataFrame:
    """The best place of each method in figure 2 of LLM-Adapters: method, placement, value in percent, backbone."""
    table = pd.read_csv(path)
    own = table[table["table"] == "figure-2-placement"]
    said = own["setting"].str.extract("placement=(?P<place>[^,]+)")["place"]
    return own.assign(placement=said.map(_PLACES))[["method", "placement", "value", "backbone"]].reset_index(drop=True)


def best_place(method: str, place: str, differences: pd.DataFrame, better: Literal["lower", "higher"]) -> Claim:
    """The claim that `place` is the best one for `method`.

    Supported when it beats every other place, contradicted when some other place beats it, each after Holm's
    correction; else undecided, or not run yet where a comparison is missing and none of the others contradicts.

    Args:
        method: name in the catalogue.
        place: the place that is said to be best.
        differences: as `pelt_core.report.estimates.pairs` returns them.
        better: whether lower or higher values are better.
    """
    own = differences[differences["method"] == method]
    reasons = own[(own["first"] == place) | (own["second"] == place)].copy()
    turn = np.where(reasons["first"] == place, 1.0, -1.0) * (1.0 if better == "higher" else -1.0)
    gain = turn * reasons["mean"]
    sure = reasons["significant"]
    verdict: Verdict
    if (sure & (gain < 0)).any():
        verdict = "contradicted"
    elif reasons["mean"].isna().any():
        verdict = "not run yet"
    else:
        verdict = "supported" if (sure & (gain > 0)).all() else "undecided at this scale"
    return Claim(method, place, verdict, reasons)
