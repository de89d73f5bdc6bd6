"""Verdicts on the claims themselves, on rows that are made up."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from few_shot_claims import evidence
from synthetic import fill

from pelt_core.study.claims.claim import Claim, chosen, claims
from pelt_core.study.claims.evidence import Evidence
from pelt_core.study.claims.finding import VERDICTS
from pelt_core.study.claims.judge import NO_STUDY, judge, published, published_over, with_families
from pelt_core.study.claims.lines import counted, line, provisional
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.run import ClassificationRun


def at_100(run: ClassificationRun) -> bool:
    return (run.task, run.examples) == ("sst2", 100)


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return evidence(tmp_path_factory.mktemp("ledger"), {})


def test_before_a_run_is_recorded_only_what_needs_none_has_a_verdict(nothing: Evidence) -> None:
    judged = judge(claims(), nothing)
    counts = {"parameter-counts", "trained-share-llama-7b", "trained-share-llama-13b"}
    assert {one.claim.id for one in judged if one.verdict != "not run yet"} == counts
    found = {"supported": 3, "not run yet": len(claims()) - 3}
    assert counted(judged) == dict.fromkeys(VERDICTS, 0) | found
    untested = [one for one in judged if not one.claim.study]
    assert untested and all(one.finding.reasons == (NO_STUDY,) and np.isfinite(one.published) for one in untested)


def test_published_effects(nothing: Evidence) -> None:
    found = {claim.id: published(claim, nothing) for claim in claims()}
    assert found["best-on-average-100"] == pytest.approx(62.59 - 60.80, abs=0.011)
    assert found["gate-ap-plenty"] == pytest.approx(83.12 - 82.23, abs=0.01)
    assert np.isnan(found["gate-ap-100"])  # the paper prints no row without gates there
    assert found["small-rivals-large"] == pytest.approx(81.5 - 77.0)


def test_published_effects_over_the_tasks_of_ours(nothing: Evidence) -> None:
    longer, spread, size, unprinted = chosen(["longer-prefix", "varies-most", "size-is-not-quality-100", "gate-ap-100"])
    assert published(longer, nothing) == pytest.approx(-0.41)
    both = [published_over(longer, (task,), nothing) for task in ("sst2", "qqp")]
    assert published_over(longer, ("sst2", "qqp"), nothing) == pytest.approx(np.mean(both)) and np.mean(both) > 30
    for one in (spread, size):
        assert published_over(one, ("sst2", "qqp", "stsb"), nothing) != published(one, nothing)
    for one, tasks in ((longer, ()), (longer, ("sst2", "paraphrase")), (unprinted, ("sst2",))):
        assert np.isnan(published_over(one, tasks, nothing))


def test_a_verdict_has_the_published_effect_over_its_tasks(tmp_path: Path) -> None:
    claim = chosen(["best-on-average-100"])
    (one,) = judge(claim, evidence(tmp_path, {"apl": 0.9, "lora": 0.5}, at_100, "paper"))
    assert one.published_here == published_over(claim[0], ("sst2",), evidence(tmp_path, {})) != one.published
    assert line(one)["published_same_tasks"] == pytest.approx(one.published_here, abs=1e-6)


def test_a_family_is_corrected_as_a_whole(tmp_path: Path) -> None:
    rows = evidence(tmp_path, {"ap": 0.8, "ap-nogate": 0.75, "apl": 0.9, "apl-nogate": 0.4}, at_100, "paper")
    (claim,) = chosen(["gate-ap-100"])
    assert len(with_families([claim])) == 7
    (one,) = judge([claim], rows)
    assert one.shown is not None and one.p == pytest.approx(min(1, one.shown.p))  # the largest of two
    (other,) = judge(chosen(["gate-apl-100"]), rows)
    assert other.shown is not None and other.p == pytest.approx(2 * other.shown.p) and other.verdict == "supported"
    assert {one.finding.tasks, other.finding.tasks} == {("sst2",)}


def test_p_values_are_provisional_while_comparisons_of_the_family_are_not_run(tmp_path: Path) -> None:
    skills = {"ap": 0.8, "ap-nogate": 0.75, "apl": 0.9, "apl-nogate": 0.4}
    rows = evidence(tmp_path, skills, at_100, "laptop")
    judged = judge(chosen(["gate-ap-100", "gate-ap-500", "parameter-counts"]), rows)
    assert [one.provisional for one in judged] == [True, False, False]  # without a p-value there is nothing to correct
    said = provisional(judged)
    assert "the p-values of the family gate are provisional" in said and line(judged[0])["provisional"]
    assert provisional(judged[1:]) == ""


def test_nothing_is_provisional_where_all_has_run(tmp_path: Path) -> None:
    rows = evidence(tmp_path, {"prefix": 0.8, "adapter": 0.5}, lambda run: run.seed < 2, "laptop")
    family = judge(chosen(["prefix-elsewhere", "prefix-on-inference-100"]), rows)
    assert all(np.isfinite(one.p) for one in family) and not any(one.provisional for one in family)


def test_one_seed_of_several_leaves_the_family_s_correction_open(tmp_path: Path) -> None:
    def keep(run: ClassificationRun) -> bool:
        return run.seed == 0 or run.examples > 100

    rows = evidence(tmp_path, {"prefix": 0.8, "adapter": 0.5}, keep, "laptop")
    one, other = judge(chosen(["prefix-elsewhere", "prefix-on-inference-500"]), rows)
    assert np.isnan(one.p) and not one.provisional
    assert np.isfinite(other.p) and other.provisional


def test_the_verdict_over_all_tasks_stands_beside(tmp_path: Path) -> None:
    skills = {"full": -1.0, "apl": 0.95, "apl-nogate": 0.3}
    rows = evidence(tmp_path, skills, lambda run: run.task == "sst2", "paper")
    (one,) = judge(chosen(["gate-apl-100"]), rows)
    assert (one.verdict, one.everywhere) == ("not run yet", "supported")  # on the other tasks, which may have a signal
    assert one.finding.silent == ("sst2",)


def test_places_are_judged_by_loss_and_by_accuracy(nothing: Evidence, tmp_path: Path) -> None:
    runs = grid("placement", "laptop")
    best = {run.method: -0.2 for run in runs if run.method.startswith("series") and run.method.endswith("@mlp")}
    fill(Ledger(tmp_path), runs, effects=best)
    judged = judge(claims(), Evidence("laptop", Ledger(tmp_path), published=nothing.published))
    by_id = {one.claim.id: one for one in judged}
    assert by_id["place-of-series-loss"].verdict == "supported"
    assert by_id["place-of-series-accuracy"].verdict == "undecided at this scale"
    assert len(by_id["place-of-series-loss"].finding.tests) == 3


def test_a_line_has_no_number_that_json_has_not(nothing: Evidence) -> None:
    one: Claim = chosen(["gain-100"])[0]
    said = line(judge([one], nothing)[0])
    assert said["effect"] is said["p_holm"] is None and said["published"] == pytest.approx(4.345, abs=0.01)
    assert said["verdict"] == said["verdict_over_all_tasks"] == "not run yet" and said["missing"]


def test_whether_our_interval_holds_the_published_effect(tmp_path: Path, nothing: Evidence) -> None:
    claim = chosen(["best-on-average-100"])
    several = evidence(tmp_path / "several", {"apl": 0.9, "lora": 0.5}, at_100, "paper")
    (one,) = judge(claim, several)
    assert one.shown and one.finding.seeds > 1 and np.isfinite(one.published_here)
    inside = one.shown.low <= one.published_here <= one.shown.high
    assert one.of_published_size is inside and line(one)["of_published_size"] is inside
    far, near = (replace(one, published_here=value) for value in (one.shown.high + 1, one.shown.effect))
    assert far.of_published_size is False and near.of_published_size is True
    first = evidence(tmp_path / "first", {"apl": 0.9}, lambda run: at_100(run) and run.seed == 0, "paper")
    assert judge(claim, first)[0].of_published_size is None and judge(claim, nothing)[0].of_published_size is None
