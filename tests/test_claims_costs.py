"""Exact counts, and times that are made up."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from few_shot_claims import ROOT, evidence

from pelt_core.study import statistics
from pelt_core.study.claims.claim import chosen
from pelt_core.study.claims.costs import CUT_OFF, _exact, as_printed, counts, published_times, times
from pelt_core.study.claims.finding import verdict
from pelt_core.study.claims.published import Published, read

METHODS = ["lora", "adapter"]


@pytest.mark.parametrize(
    "ours, theirs, said",
    [(109_482_240, 110_000_000, 110_000_000), (894_529, 894_528, 894_529), (0.1676, 0.17, 0.17), (0.992, 0.99, 0.99)],
)
def test_digits_that_are_printed(ours: float, theirs: float, said: float) -> None:
    assert as_printed(ours, theirs) == said


def test_the_counts_of_the_table_are_ours(tmp_path: Path) -> None:
    (claim,) = chosen(["parameter-counts"])
    found = counts("", claim.test, evidence(tmp_path, {}))
    assert len(found.tests) == 6 and verdict(found, [test.p for test in found.tests]) == "supported"
    wrong = {**claim.test, "methods": {"adapter": "pfeiffer(bottleneck=47)@mlp_norm"}}
    other = counts("", wrong, evidence(tmp_path, {}))
    assert verdict(other, [0.0]) == "contradicted" and other.tests[0].effect < 0


@pytest.mark.parametrize("ours, agrees", [(0.1166, True), (0.1098, True), (0.1201, False), (0.1049, False)])
def test_a_number_agrees_rounded_or_cut_off(ours: float, agrees: bool) -> None:
    one = _exact("prefix", ours - 0.11, {ours: 0.11}, "said")
    assert (one.gain > 0) is agrees
    assert (CUT_OFF in one.detail) is (ours == 0.1166)


def measured(folder: Path, ratios: dict[str, float], repeats: int = 7) -> Path:
    """Times of two kinds of work, where a method takes `ratio` times as long as full fine-tuning."""
    rng = np.random.default_rng(0)
    contenders = [
        {
            "name": name,
            "repeats": [{"seconds": ratio * np.exp(0.02 * rng.standard_normal()), "work": 1} for _ in range(repeats)],
        }
        for name, ratio in {"full": 1.0, **ratios}.items()
    ]
    path = folder / "efficiency.json"
    path.write_text(json.dumps({"cells": [{"name": "training", "backbone": "tiny-bert", "contenders": contenders}]}))
    return path


@pytest.mark.parametrize(
    "ratios, said",
    [
        ({"lora": 0.6, "adapter": 0.7}, "supported"),
        ({"lora": 0.6, "adapter": 1.3}, "contradicted"),
        ({"lora": 0.6, "adapter": 1.0}, "undecided at this scale"),
        ({"lora": 0.6}, "not run yet"),
    ],
)
def test_times_against_full_fine_tuning(ratios: dict[str, float], said: str, tmp_path: Path) -> None:
    rows = evidence(tmp_path, {}, efficiency=measured(tmp_path, ratios))
    found = times("", {"work": "training", "methods": METHODS, "below": 100}, rows)
    assert verdict(found, statistics.holm([test.p for test in found.tests])) == said
    for test in found.tests:
        assert test.low < 100 * ratios[test.name] < test.high


def test_two_repeats_are_too_few(tmp_path: Path) -> None:
    rows = evidence(tmp_path, {}, efficiency=measured(tmp_path, {"lora": 0.6, "adapter": 0.6}, repeats=2))
    found = times("", {"work": "training", "methods": METHODS, "below": 100}, rows)
    assert verdict(found, []) == "undecided at this scale" and "fewer than 3 repeats" in found.reasons[0]


def test_what_is_not_measured_is_not_run_yet(tmp_path: Path) -> None:
    test: dict[str, Any] = {"work": "inference", "methods": METHODS, "above": 100}
    for file in (measured(tmp_path, {}), tmp_path / "none.json"):
        assert verdict(times("", test, evidence(tmp_path, {}, efficiency=file)), []) == "not run yet"


def test_the_published_time_is_that_nearest_to_refuting() -> None:
    table = Published(read(ROOT / "data/published/paper_results.csv"), {"table": "4-efficiency"})
    assert published_times({"work": "training", "methods": ["lora", "apl"], "below": 100}, table) == 67
    assert published_times({"work": "inference", "methods": ["lora", "apl"], "above": 100}, table) == 105
