"""Which learning rates the search tried on a backbone, and which it found best."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from pelt_core import specification
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.presets import studies

SEARCH = "answer-recipe"


class Tried(NamedTuple):
    """What is recorded of the search for one kind of module.

    Attributes:
        rates: that were tried.
        best: the one with the lowest mean answer loss; None if every run diverged.
    """

    rates: tuple[float, ...]
    best: float | None


def tried(backbone: str, preset: str, ledger: Ledger) -> dict[str, Tried]:
    """Kind of module -> what `ledger` holds of the preset's search, carried out on a backbone.

    Combinations of modules are left out.
    """
    runs = grid(SEARCH, preset, overrides={"backbone": backbone}) if SEARCH in studies(preset) else []
    lines = [
        {"kind": terms[0].name, "rate": row["run"]["learning_rate"], "loss": _loss(row)}
        for row in ledger.recorded(runs).values()
        if len(terms := specification.parse(row["run"]["method"]).terms) == 1
    ]
    frame = pd.DataFrame(lines, columns=["kind", "rate", "loss"])
    means = {kind: own.groupby("rate")["loss"].mean() for kind, own in frame.groupby("kind")}
    return {
        str(kind): Tried(tuple(own.index), float(own.idxmin()) if own.notna().any() else None)
        for kind, own in means.items()
    }


def _loss(row: dict[str, dict[str, dict[str, float]]]) -> float:
    """The mean over the data sets; NaN of a diverged run, which has no loss."""
    return float(np.mean(list(row["metrics"]["answer_loss"].values()))) if row["metrics"] else np.nan
