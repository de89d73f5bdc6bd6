"""Claims on runs of answers, on rows that are made up so that every verdict can be reached."""

from pathlib import Path

import numpy as np
import pytest
from synthetic import fill

from pelt_core.study.claims.claim import chosen
from pelt_core.study.claims.evidence import Evidence
from pelt_core.study.claims.judge import Judged, judge
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.run import Run
from pelt_core.study.scores import names

ROOT = Path(__file__).resolve().parents[1]
ITEMS = 60


def judged(folder: Path, study: str, effects: dict[str, float], *ids: str, keep=lambda run: True) -> list[Judged]:
    """The verdicts on some claims, from rows of a study whose methods, by their short names, have these effects."""
    specs = {name: spec for spec, name in names([study], "laptop").items()}
    runs: list[Run] = [run for run in grid(study, "laptop") if keep(run)]
    fill(Ledger(folder), runs, ITEMS, {specs[name]: effect for name, effect in effects.items()})
    papers = ROOT / "data/published/paper_results.csv"
    return judge(chosen(ids), Evidence("laptop", Ledger(folder), published=papers))


def test_a_lower_loss_supports_a_claim_and_a_higher_one_contradicts_it(tmp_path):
    effects = {"series-256": -0.4, "series-512": 0.4, "parallel-256": 0.5}
    ids = ("bottleneck-series", "larger-bottleneck-series", "bottleneck-parallel", "bottleneck-share-series")
    found = {one.claim.id: one for one in judged(tmp_path, "bottleneck", effects, *ids)}
    assert [found[name].verdict for name in ids] == ["supported", "supported", "contradicted", "contradicted"]
    larger = found["larger-bottleneck-series"]
    assert larger.shown.effect == pytest.approx(0.8, abs=0.1) and larger.finding.unit == "nats per token"
    assert larger.finding.tasks == ("gsm8k", "svamp") and larger.finding.seeds == 2


def test_nothing_is_said_of_what_is_not_run(tmp_path):
    whole = judged(tmp_path, "bottleneck", {}, "bottleneck-series", keep=lambda run: run.seed == 0)[0]
    assert whole.verdict == "undecided at this scale" and np.isnan(whole.p)
    assert whole.finding.reasons == ("one seed: no verdict",)
    others = judged(tmp_path / "b", "bottleneck", {}, "bottleneck-series", keep=lambda run: "512" not in run.method)
    assert others[0].verdict == "incomplete" and others[0].finding.missing == ("series-512",)
    none = judged(tmp_path / "c", "bottleneck", {}, "larger-bottleneck-series", keep=lambda run: False)
    assert none[0].verdict == "not run yet" and none[0].shown is None


def test_cells_are_chosen_by_prompt_and_by_source(tmp_path):
    runs = grid("commonsense", "laptop")
    cloze = {run.method for run in runs if run.prompt == "cloze@1"}
    assert len(cloze) == 5
    (one,) = judged(tmp_path, "commonsense", {}, "adapters-on-commonsense")
    assert one.verdict == "undecided at this scale" and [test.name for test in one.finding.tests] == [
        "none − series",
        "none − parallel",
        "none − lora",
    ]
    (gain,) = judged(tmp_path / "b", "id-ood", {}, "gain-without-leak")
    assert gain.finding.tasks == ("addsub", "multiarith", "singleeq") or set(gain.finding.tasks) == {
        "addsub",
        "multiarith",
        "singleeq",
    }
    assert gain.shown.name == "leak − no leak below 1"


def test_the_order_of_methods_beside_a_published_one(tmp_path):
    """LLaMA-7B: LoRA, parallel, series, and the prefix behind; too few to test."""
    effects = {"prefix": 0.9, "series": 0.6, "parallel": 0.3, "lora": 0.0}
    (one,) = judged(tmp_path, "arithmetic", effects, "order-on-LLaMA-7B")
    assert one.verdict == "untestable here" and one.finding.unit == "rank correlation"
    assert -1 <= one.shown.low <= one.shown.effect <= one.shown.high <= 1 and np.isnan(one.shown.p)
