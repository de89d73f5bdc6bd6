"""Studies of answers as their pages read them, from rows that are made up."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from synthetic import fill

from pelt_core.study.answer_scores import AnswerScores, load
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.run import Run
from pelt_core.study.scores import names


def study(
    folder: Path,
    *studies: str,
    effects: Mapping[str, float] | None = None,
    keep: Callable[[Run], bool] = lambda run: True,
    questions: int = 24,
) -> AnswerScores:
    """The laptop's runs of some studies that `keep` keeps; `effects`, by short name, are added to answer losses."""
    own: Sequence[str] = list(studies)
    ledger, short = Ledger(folder), names(own, "laptop")
    runs = list(dict.fromkeys(run for name in own for run in grid(name, "laptop") if keep(run)))
    fill(ledger, runs, questions, {spec: (effects or {}).get(name, 0.0) for spec, name in short.items()})
    return load(own, "laptop", ledger)
