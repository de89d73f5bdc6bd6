"""Claims on the best place of a module, on runs that answer questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from pelt_core.study import places, statistics
from pelt_core.study.answer_scores import AnswerScores
from pelt_core.study.claims import bounds
from pelt_core.study.claims.answers import finding_of, paired
from pelt_core.study.claims.evidence import Evidence
from pelt_core.study.claims.finding import Finding
from pelt_core.study.claims.published import Published

PUBLISHED_PLACES = {"after MLP": "MLP", "within MLP": "MLP", "attention+MLP": "both"}
"""The paper's words for a place -> ours."""


def place(study: str, test: Mapping[str, Any], evidence: Evidence) -> Finding:
    """The published best place of a method against every other one.

    With v_a and v_b the values at two places, paired over items and seeds, e = mean(v_a) - mean(v_b), the sign turned
    so that the published place comes first. Differences between the other places decide nothing, but count among the
    family's tests, as they are all looked at.

    Args:
        study: whose rows.
        test: `method`, and `measure`, a name of `pelt_core.study.answer_scores.MEASURES`.
        evidence: the rows, and the published place.
    """
    scores = evidence.answers(study, test["measure"])
    claimed = published_places(evidence.papers)["place"][test["method"]]
    placed = {where: scores.names[spec] for where, spec in places.placed(scores.names).items()}
    values = {where: scores.values(method=name) for (kind, where), name in placed.items() if kind == test["method"]}
    better = "above" if scores.how.sign > 0 else "below"
    tests, missing, compared = [], [], []
    for one, other in combinations(sorted(values, key=lambda name: name != claimed), 2):
        first, second = paired({name: values[name] for name in (one, other)})
        if first.empty:
            missing += [f"{one} or {other}"] * (one == claimed)
            continue
        compared.append(first - second)
        (found,) = bounds.against(f"{one} − {other}", compared[-1], {better: 0}, statistics.estimate)
        tests.append(replace(found, decides=one == claimed))
    finding = finding_of(scores, tests, missing, compared)
    failed = [where for where, own in values.items() if own.empty and _recorded(scores, placed[test["method"], where])]
    return replace(finding, reasons=(*finding.reasons, *(f"{where}: diverged" for where in failed)))


def _recorded(scores: AnswerScores, name: str) -> bool:
    """Whether every run of a method has a row."""
    return all(run.key in scores.rows for run in scores.runs if scores.names[run.method] == name)


def published_places(papers: pd.DataFrame) -> pd.DataFrame:
    """Figure 2 of LLM-Adapters, the best place of each method.

    Args:
        papers: see `pelt_core.study.claims.published.read`.

    Returns:
        By method: place, a key of `pelt_core.study.places.PLACEMENTS`; size, of the module, as it is printed; value,
        the mean accuracy in percent; backbone.
    """
    own = papers[papers["table"] == "figure-2-placement"].set_index("method")
    said = own["setting"].str.extract("placement=(?P<place>[^,]+), (?P<size>.+)")
    return said.assign(place=said["place"].map(PUBLISHED_PLACES), value=own["value"], backbone=own["backbone"])


def published_effect(test: Mapping[str, Any], published: Published) -> float:
    """Not known: the figure prints the best place alone."""
    return np.nan
