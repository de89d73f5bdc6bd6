"""Best places on made-up answers."""

from pathlib import Path

import pytest
from few_shot_claims import ROOT
from synthetic import fill

from pelt_core.study import statistics
from pelt_core.study.claims.evidence import Evidence
from pelt_core.study.claims.finding import verdict
from pelt_core.study.claims.places import place, published_places
from pelt_core.study.claims.published import read
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.run import Run

PUBLISHED = ROOT / "data/published/paper_results.csv"
RUNS = grid("placement", "laptop")


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
def test_verdicts_follow_the_differences(effect: float, said: str, tmp_path: Path) -> None:
    fill(Ledger(tmp_path), RUNS, effects={run.method: effect for run in RUNS if at_the_mlp(run)})
    assert found(tmp_path)[0] == said


def test_more_is_better_in_accuracy(tmp_path: Path) -> None:
    fill(Ledger(tmp_path), RUNS)
    rows = Evidence("laptop", Ledger(tmp_path), published=PUBLISHED)
    own = place("placement", {"method": "lora", "measure": "accuracy"}, rows)
    assert own.unit == "points" and [test.name for test in own.tests if test.decides] == [
        "both − attention",
        "both − MLP",
    ]
    assert all(test.gain == test.effect for test in own.tests) and any(test.effect for test in own.tests)
    loss = place("placement", {"method": "lora", "measure": "loss"}, rows)
    assert all(test.gain == -test.effect for test in loss.tests) and len(loss.tests) == 3


def test_published_best_places() -> None:
    found = published_places(read(PUBLISHED))
    assert found["place"].to_dict() == {"series": "MLP", "parallel": "MLP", "lora": "both"}
    assert found["value"].to_dict() == {"series": 59.5, "parallel": 61.7, "lora": 60.0}
    assert found["size"].to_dict() == {"series": "bottleneck=256", "parallel": "bottleneck=256", "lora": "r=8"}
    assert set(found["backbone"]) == {"LLaMA-7B"}


def test_one_seed_gives_no_verdict(tmp_path: Path) -> None:
    runs = [run for run in RUNS if run.seed == 0]
    fill(Ledger(tmp_path), runs, effects={run.method: -0.5 for run in runs if at_the_mlp(run)})
    assert found(tmp_path) == ("undecided at this scale", ["one seed: no verdict"])


def test_a_place_that_is_not_recorded(tmp_path: Path) -> None:
    fill(Ledger(tmp_path), [run for run in RUNS if not at_the_mlp(run)])
    said, reasons = found(tmp_path)
    assert said == "not run yet" and "MLP or" in reasons[0]
