"""Which learning rates a search chooses for each method, by development scores alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pandas as pd

from pelt_core.study.presets import block
from pelt_core.study.run import ClassificationRun
from pelt_core.study.scores import Scores

Rates = tuple[float, float]
"""Of the module and of the head."""
RATES = ["learning_rate", "head_learning_rate"]
WHOLE = 1e-9
"""Points by which scores are told apart that are no tie."""


@dataclass(frozen=True)
class Choice:
    """What the search says for one method.

    Attributes:
        method: its short name.
        rates: the best ones; of a tie, those that were searched first.
        score: their development score, in points, the mean over tasks and seeds.
        ties: others that score the same.
        behind: by how many points the next ones follow; None where nothing else was searched.
        borders: those of `RATES` whose best value is the lowest or the highest that was searched, of at least two: a
            better one may lie beyond.
    """

    method: str
    rates: Rates
    score: float
    ties: tuple[Rates, ...]
    behind: float | None
    borders: tuple[str, ...]


def best_rates(scores: Scores) -> dict[str, Rates]:
    """Method -> the learning rates, of the module and of the head, with the best mean development score over the tasks.

    Methods whose search is not whole are left out, see `missing`.

    Args:
        scores: of the study glue-recipe.
    """
    return {choice.method: choice.rates for choice in choices(scores)}


def choices(scores: Scores) -> list[Choice]:
    """As `best_rates`, with ties and with what lies at a border of what was searched."""
    lacking = missing(scores)
    found = searched(scores).dropna().groupby("method", sort=False)
    return [_choice(str(method), own) for method, own in found if method not in lacking]


def searched(scores: Scores) -> pd.DataFrame:
    """All rates that the study tries: method, `RATES`, and score, in points, the mean over tasks and seeds.

    The score is NaN while a run is missing, and where one diverged.
    """
    grid = pd.DataFrame({"key": run.key, "method": scores.names[run.method], **_rates(run)} for run in scores.runs)
    scored = grid.merge(scores.table[["key", "dev_score"]], how="left", on="key")
    means = scored.groupby(["method", *RATES], sort=False)["dev_score"].agg(lambda own: own.mean(skipna=False))
    return means.rename("score").reset_index()


def missing(scores: Scores) -> dict[str, int]:
    """Method -> how many of its runs are not recorded, as far as there are any; a diverged run is recorded."""
    return dict(Counter(scores.names[run.method] for run in scores.missing))


def in_use(preset: str) -> dict[str, Rates]:
    """Method -> the rates that the preset's studies train it with."""
    recipe = block(preset)["classification"]["recipe"]
    return {name: tuple(method[rate][0] for rate in RATES) for name, method in recipe.items()}


def differing(scores: Scores, preset: str) -> dict[str, Rates]:
    """What the search chooses for each method that the preset trains with other rates."""
    used = in_use(preset)
    return {name: rates for name, rates in best_rates(scores).items() if used[name] != rates}


def _choice(method: str, own: pd.DataFrame) -> Choice:
    top = own["score"].max()
    tied = own["score"] > top - WHOLE
    first, *ties = own.loc[tied, RATES].itertuples(index=False, name=None)
    others = own.loc[~tied, "score"]
    values = zip(RATES, first, (own[rate] for rate in RATES), strict=True)
    borders = tuple(n for n, best, tried in values if tried.nunique() > 1 and best in (tried.min(), tried.max()))
    return Choice(method, first, float(top), tuple(ties), float(top - others.max()) if len(others) else None, borders)


def _rates(run: ClassificationRun) -> dict[str, float]:
    return {rate: getattr(run, rate) for rate in RATES}
