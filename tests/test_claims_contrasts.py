"""Differences of made-up cells: every verdict can be reached, and the best of several is chosen as said."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from few_shot_claims import ITEMS, ROOT, evidence

from pelt_core.study import statistics
from pelt_core.study.claims.contrasts import apart, best_of, contrast, published_best_of, published_contrast
from pelt_core.study.claims.finding import Finding, verdict
from pelt_core.study.claims.published import Published, read

SIGNAL = {"full": 0.95}
FIVE_SEEDS: dict[str, Any] = {"preset": "paper", "keep": lambda run: (run.task, run.examples) == ("sst2", 100)}
FEW = Published(read(ROOT / "data/published/paper_results.csv"), {"table": "1-low-resource", "setting": "K=100"})


def said(finding: Finding) -> str:
    return verdict(finding, statistics.holm([test.p for test in finding.tests]))


def gate(**bounds: float) -> dict[str, Any]:
    return {"cells": {"apl": 1, "apl-nogate": -1}, "examples": 8, **bounds}


@pytest.mark.parametrize(
    "with_gate, without, bounds, verdict_",
    [
        (0.9, 0.3, {"above": 0}, "supported"),
        (0.3, 0.9, {"above": 0}, "contradicted"),
        (0.6, 0.6, {"above": 0}, "undecided at this scale"),
        (0.3, 0.9, {"below": 0}, "supported"),
        (0.9, 0.3, {"above": 1, "below": 60}, "supported"),
        (0.9, 0.3, {"above": 1, "below": 4}, "contradicted"),
    ],
)
def test_a_difference_against_its_bounds(
    with_gate: float, without: float, bounds: dict[str, float], verdict_: str, tmp_path: Path
) -> None:
    rows = evidence(tmp_path, {"apl": with_gate, "apl-nogate": without}, **FIVE_SEEDS)
    found = contrast("low-resource", gate(**bounds) | {"examples": 100}, rows)
    assert said(found) == verdict_
    assert (found.seeds, found.tasks, found.items) == (5, ("sst2",), ITEMS)
    table = rows.scores("low-resource").table.groupby("method")["score"].mean()
    assert found.tests[0].effect == pytest.approx(table["apl"] - table["apl-nogate"])


def test_one_seed_gives_no_verdict(tmp_path: Path) -> None:
    rows = evidence(tmp_path, SIGNAL | {"apl": 0.95, "apl-nogate": 0.1}, keep=lambda run: run.seed == 0)
    found = contrast("low-resource", gate(above=0), rows)
    assert said(found) == "undecided at this scale" and "one seed: no verdict" in found.reasons
    assert np.isnan(found.tests[0].p) and found.tests[0].low > 0


def test_what_is_not_recorded_is_not_run_yet(tmp_path: Path) -> None:
    found = contrast("low-resource", gate(above=0), evidence(tmp_path, SIGNAL | {"apl": 0.9}))
    assert said(found) == "not run yet" and "without finished runs: paraphrase" in found.reasons


def test_a_task_without_a_signal_decides_nothing(tmp_path: Path) -> None:
    rows = evidence(tmp_path, {"full": -1.0, "apl": 0.9, "apl-nogate": 0.3})
    found, everywhere = (contrast("low-resource", gate(above=0), e) for e in (rows, rows.of_every_task()))
    assert said(found) == "undecided at this scale" and found.silent == ("paraphrase",)
    assert "no task is left that could test it" in found.reasons
    assert said(everywhere) == "supported"


def test_a_difference_of_differences(tmp_path: Path) -> None:
    rows = evidence(tmp_path, SIGNAL | {"lora": 0.9, "prefix": 0.3, "ap": 0.6, "apl": 0.6})
    test = {"cells": {"lora": 1, "prefix": -1, "ap": -1, "apl": 1}, "examples": 8, "above": 0}
    found = contrast("low-resource", test, rows)
    table = rows.scores("low-resource").table.groupby("method")["score"].mean()
    assert found.tests[0].effect == pytest.approx(table["lora"] - table["prefix"] - table["ap"] + table["apl"])
    assert said(found) == "supported" and found.tests[0].name == "lora − prefix − ap + apl"


MODULES = ["adapter", "prefix", "lora"]


@pytest.mark.parametrize("each", ["task", "grid"])
def test_the_best_on_test_rows_is_one_for_all_seeds(each: str, tmp_path: Path) -> None:
    rows = evidence(tmp_path, SIGNAL | {"apl": 0.7, "adapter": 0.5, "prefix": 0.3, "lora": 0.6})
    best = {"of": MODULES, "by": "score", "each": each}
    found = contrast("low-resource", {"cells": {"apl": 1, "best": -1}, "best": best, "examples": 8, "above": 0}, rows)
    table = rows.scores("low-resource").table.groupby("method")["score"].mean()
    assert found.tests[0].effect == pytest.approx(table["apl"] - table[MODULES].max())


def test_the_best_on_development_rows_is_chosen_for_each_seed(tmp_path: Path) -> None:
    rows = evidence(
        tmp_path,
        SIGNAL | {"apl": 0.7, "adapter": 0.5, "prefix": 0.3, "lora": 0.3},
        skill=lambda run, own: 0.9 if "lora" in run.method and run.seed else own,
    )
    best = {"of": MODULES, "by": "dev_score", "each": "task"}
    found = contrast("low-resource", {"cells": {"apl": 1, "best": -1}, "best": best, "examples": 8, "above": 0}, rows)
    table = rows.scores("low-resource").table
    chosen = table[table["method"].isin(MODULES)].sort_values("dev_score").groupby("seed").last()
    assert set(chosen["method"]) == {"adapter", "lora"}
    ours = table[table["method"] == "apl"]["score"].mean()
    assert found.tests[0].effect == pytest.approx(ours - chosen["score"].mean())


@pytest.mark.parametrize(
    "rivals, verdict_",
    [
        ({"lora": 0.2, "prefix": 0.3}, "supported"),
        ({"lora": 0.2, "prefix": 0.95}, "undecided at this scale"),
        ({"lora": 0.2}, "incomplete"),
    ],
)
def test_the_best_of_several_beats_each(rivals: dict[str, float], verdict_: str, tmp_path: Path) -> None:
    rows = evidence(tmp_path, SIGNAL | {"apl": 0.95} | rivals)
    test = {"method": "apl", "than": ["lora", "prefix"], "examples": 8, "above": 0}
    assert said(best_of("low-resource", test, rows)) == verdict_


def test_one_rival_that_is_better_contradicts(tmp_path: Path) -> None:
    rows = evidence(tmp_path, SIGNAL | {"apl": 0.3, "lora": 0.95})
    test = {"method": "apl", "than": ["lora", "prefix"], "examples": 8, "above": 0}
    found = best_of("low-resource", test, rows)
    assert said(found) == "contradicted" and found.missing == ("prefix",)


@pytest.mark.parametrize(
    "skills, by, verdict_",
    [
        ((0.3, 0.9, 0.3), 1, "supported"),
        ((0.5, 0.5, 0.5), 60, "contradicted"),
        ((0.6, 0.6, 0.6), 1, "undecided at this scale"),
    ],
)
def test_any_two_cells_may_be_apart(skills: tuple[float, ...], by: float, verdict_: str, tmp_path: Path) -> None:
    cells = ["lora", "prefix", "adapter"]
    rows = evidence(tmp_path, dict(zip(cells, skills, strict=True)), **FIVE_SEEDS)
    found = apart("low-resource", {"cells": cells, "examples": 100, "by": by}, rows)
    assert said(found) == verdict_ and all(test.effect >= 0 for test in found.tests)


def test_published_effects_are_the_papers_own() -> None:
    best = {"of": MODULES, "by": "score", "each": "grid"}
    gain = published_contrast({"cells": {"apl": 1, "best": -1}, "best": best}, FEW)
    printed = {name: FEW.numbers(name, ["avg"])["avg"] for name in ("apl", "adapter")}
    assert gain == pytest.approx(printed["apl"] - printed["adapter"], abs=0.01)
    bound = published_contrast({"cells": {"apl": 1, "best": -1}, "best": best | {"each": "task"}}, FEW)
    upper = FEW.elsewhere("2-upper-bound").frame
    upper = upper[(upper["method"] == "max{A,P,L}") & (upper["setting"] == "K=100")]["value"].iloc[0]
    assert bound == pytest.approx(printed["apl"] - upper, abs=0.01)
    closest = published_best_of({"method": "apl", "than": ["full", "adapter"], "above": 0}, FEW)
    assert closest == pytest.approx(printed["apl"] - FEW.numbers("full", ["avg"])["avg"], abs=0.01)
