"""A claim's evidence from made-up few-example runs, with skills chosen so that every verdict can be reached."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from few_shot_rows import few_shot_row

from pelt_core.study.claims.evidence import Evidence
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.run import ClassificationRun
from pelt_core.study.scores import names

ROOT = Path(__file__).resolve().parents[1]
ITEMS = 600


def evidence(
    folder: Path,
    skills: Mapping[str, float],
    keep: Callable[[ClassificationRun], bool] = lambda run: True,
    preset: str = "smoke",
    study: str = "low-resource",
    skill: Callable[[ClassificationRun, float], float] = lambda run, own: own,
    **fields: Any,
) -> Evidence:
    """The runs of a study that `keep` keeps, of the methods in `skills`: short name -> share of the items it knows.

    Negative ones know nothing. `skill` may change a run's share; `fields` go to `Evidence`, which has no times without.
    """
    ledger, short = Ledger(folder), names([study], preset)
    for number, run in enumerate(grid(study, preset)):
        assert isinstance(run, ClassificationRun)
        if short[run.method] in skills and keep(run):
            ledger.write(*few_shot_row(run, ITEMS, skill(run, skills[short[run.method]]), number))
    files = {"published": ROOT / "data/published/paper_results.csv", "efficiency": folder / "efficiency.json"}
    return Evidence(preset, ledger, **{**files, **fields})
