"""The page on placement: every kind of module at every place, the places against each other, and the verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import cast

import pandas as pd

from pelt_core.report.names import METHOD_NAMES
from pelt_core.report.reasoning.cells import cells, difference
from pelt_core.report.reasoning.method_tables import Lines
from pelt_core.report.reasoning.sweeps import UNSWEPT
from pelt_core.report.tested import TESTED, with_holm
from pelt_core.report.verdicts.of_study import judged
from pelt_core.study import places
from pelt_core.study.answer_scores import AnswerScores
from pelt_core.study.claims.evidence import Evidence
from pelt_core.study.claims.judge import Judged
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.run import AnswerRun
from pelt_core.study.scores import names

STUDY = "placement"


def load(preset: str, ledger: Ledger, backbone: str = "", seeds: Sequence[int] = ()) -> AnswerScores:
    """What `ledger` holds of the study, on another backbone and with other seeds than the preset's if they are given.

    Raises:
        UnknownStudy, UnknownPreset: the preset does not exist, or does not have the study.
    """
    overrides = {"backbone": backbone} if backbone else None
    runs = tuple(cast(AnswerRun, run) for run in grid(STUDY, preset, seeds or None, overrides=overrides))
    return AnswerScores(runs, names([STUDY], preset), ledger.recorded(runs), ledger)


def placed(scores: AnswerScores) -> dict[str, tuple[str, str]]:
    """Short name -> kind of module and its place, in the order of the grid; the base model has no place."""
    return {scores.names[spec]: where for where, spec in places.placed(scores.names).items()}


def lines(scores: AnswerScores) -> Lines:
    """Every cell as a line of a table."""
    return [
        (name, {"Method": METHOD_NAMES[kind], "Place": where or "none"})
        for name, (kind, where) in placed(scores).items()
    ]


def means(scores: AnswerScores) -> pd.DataFrame:
    """The mean of every cell with its interval, as `pelt_core.report.lines.means` draws them.

    Returns:
        Columns heading, line, method (the kind of module), place, and those of
        `pelt_core.report.reasoning.cells.cells` from state on.
    """
    found, own = cells(scores), placed(scores)
    kinds, places = ([own[name][i] for name in found["method"]] for i in (0, 1))
    headings = [METHOD_NAMES[kind] if where else UNSWEPT for kind, where in zip(kinds, places, strict=True)]
    shown = [where or METHOD_NAMES[kind] for kind, where in zip(kinds, places, strict=True)]
    return found.assign(heading=headings, line=shown, method=kinds, place=places)


def comparisons(scores: AnswerScores) -> pd.DataFrame:
    """Each two places of each kind of module, paired, with Holm's correction over all lines.

    Returns:
        Columns heading, line, method (the kind of module), places (the pair), those of
        `pelt_core.report.reasoning.cells.difference`, p_holm and significant.
    """
    own = placed(scores)
    pairs = [(later, earlier) for earlier, later in combinations(own, 2) if own[later][0] == own[earlier][0]]
    body = [
        {"heading": METHOD_NAMES[own[one][0]], "line": f"{own[one][1]} − {own[other][1]}", "method": own[one][0]}
        | {"places": (own[one][1], own[other][1])}
        | difference(scores, {"method": one}, {"method": other})
        for one, other in sorted(pairs, key=lambda pair: list(METHOD_NAMES).index(own[pair[0]][0]))
    ]
    columns = ["heading", "line", "method", "places", "state", "seeds", "items", *TESTED]
    return with_holm(pd.DataFrame(body, columns=columns))


def verdicts(scores: AnswerScores, preset: str) -> list[Judged]:
    """The published best places, judged by these runs as the page on claims judges those of a preset."""
    return judged(STUDY, Evidence(preset, scores.ledger).given(STUDY, scores))
