"""Best places on made-up answers: the verdict is that of the page on placement."""

from pathlib import Path

import pytest
from few_shot_claims import ROOT
from recorded import RUNS
from synthetic import fill

from pelt_core.report import claims, estimates, results
from pelt_core.study import statistics
from pelt_core.study.claims.evidence import Evidence
from pelt_core.study.claims.finding import verdict
from pelt_core.study.claims.places import place
from pelt_core.study.ledger import Ledger
from pelt_core.study.run import Run

PUBLISHED = ROOT / "data/published/paper_results.csv"


def at_the_mlp(run: Run) -> bool:
    return run.method.startswith("series") and run.method.endswith("@mlp")


def found(folder: Path, method: str = "series", measure: str = "loss") -> tuple[str, list[str]]:
    rows = Evidence("laptop", Ledger(folder), published=PUBLISHED)
    family = {
        name: place("placement", {"method": name, "measure": measure}, rows) for name in ("series", "parallel", "lora")
    }
    p_holm = statistics.holm([test.p for one in family.values() for test in one.tests])
    before = sum(len(family[name].tests) for name in list(family)[: list(family).index(method)])
    own = family[method]
    return verdict(own, p_holm[before : before + len(own.tests)]), [*own.reasons, *own.missing]


@pytest.mark.parametrize("effect, said", [(-0.3, "supported"), (0.3, "contradicted"), (0.0, "undecided at this scale")])
def test_verdicts_are_those_of_the_page_on_placement(effect: float, said: str, tmp_path: Path) -> None:
    fill(Ledger(tmp_path), RUNS, effects={run.method: effect for run in RUNS if at_the_mlp(run)})
    assert found(tmp_path)[0] == said
    pairs = estimates.pairs(results.load(RUNS, Ledger(tmp_path)), "loss")
    assert claims.best_place("series", "MLP", pairs, "lower").verdict == said


def test_more_is_better_in_accuracy(tmp_path: Path) -> None:
    fill(Ledger(tmp_path), RUNS)
    said, _ = found(tmp_path, "lora", "accuracy")
    pairs = estimates.pairs(results.load(RUNS, Ledger(tmp_path)), "correct")
    assert said == claims.best_place("lora", "both", pairs, "higher").verdict


def test_one_seed_gives_no_verdict(tmp_path: Path) -> None:
    runs = [run for run in RUNS if run.seed == 0]
    fill(Ledger(tmp_path), runs, effects={run.method: -0.5 for run in runs if at_the_mlp(run)})
    assert found(tmp_path) == ("undecided at this scale", ["one seed: no verdict"])


def test_a_place_that_is_not_recorded(tmp_path: Path) -> None:
    fill(Ledger(tmp_path), [run for run in RUNS if not at_the_mlp(run)])
    said, reasons = found(tmp_path)
    assert said == "not run yet" and "MLP or" in reasons[0]
