"""Orders of sizes and scores that are made up."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from pelt_core.study.claims.evidence import Aligned, Evidence, Silent
from pelt_core.study.claims.finding import verdict
from pelt_core.study.claims.published import Published
from pelt_core.study.claims.ranks import published_ranks, ranks
from pelt_core.study.grids import grid

METHODS = [f"m{i:02d}" for i in range(20)]
TEST = {"methods": METHODS, "examples": 100, "below": 0.5}
INDEX = pd.MultiIndex.from_product([["sst2"], ["a", "b"]], names=["task", "id"])


class MadeUp:
    """Twenty methods, each larger than the last; `scores` in the same order."""

    def __init__(self, scores: Sequence[float]) -> None:
        self._scores = scores

    def scores(self, study: str) -> Any:
        (run, *_) = grid("low-resource", "smoke")
        names = {f"lora(rank={rank})@q,v": name for rank, name in enumerate(METHODS, 1)}
        return SimpleNamespace(names=names, runs=[replace(run, method=method) for method in names])

    def aligned(self, study: str, cells: Mapping[str, Any], examples: int) -> Aligned:
        frames = {
            m: pd.DataFrame({0: [s, s + 1], 1: [s, s]}, INDEX) for m, s in zip(METHODS, self._scores, strict=True)
        }
        return Aligned(frames, ("sst2",), (), (), (), Silent())


@pytest.mark.parametrize(
    "scores, said",
    [
        (np.arange(20, 0, -1.0), "supported"),
        (np.arange(20.0), "contradicted"),
        (np.random.default_rng(3).permutation(20) + 0.8 * np.arange(20), "undecided at this scale"),
    ],
)
def test_every_verdict_can_be_reached(scores: Sequence[float], said: str) -> None:
    found = ranks("low-resource", TEST, cast(Evidence, MadeUp(scores)))
    (one,) = found.tests
    assert verdict(found, [one.p]) == said
    assert -1 <= one.low <= one.effect <= one.high <= 1 and found.seeds == 2
    assert (one.p < 0.05) == (not one.low < 0.5 < one.high)  # the interval and the test agree


def test_one_seed_is_no_verdict() -> None:
    class OneSeed(MadeUp):
        def aligned(self, study: str, cells: Mapping[str, Any], examples: int) -> Aligned:
            found = super().aligned(study, cells, examples)
            return replace(found, frames={name: frame[[0]] for name, frame in found.frames.items()})

    (one,) = ranks("low-resource", TEST, cast(Evidence, OneSeed(list(np.arange(20, 0, -1.0))))).tests
    assert np.isnan(one.p) and one.effect == pytest.approx(-1)


def test_equal_scores_have_no_order() -> None:
    assert not ranks("low-resource", TEST, cast(Evidence, MadeUp([1.0] * 20))).tests


def test_the_published_order() -> None:
    numbers = [("t", name, "sst2", "", -float(i)) for i, name in enumerate(METHODS)]
    sizes = [("4-efficiency", name, "", "trainable_parameters", float(i)) for i, name in enumerate(METHODS)]
    frame = pd.DataFrame(numbers + sizes, columns=["table", "method", "dataset", "metric", "value"])
    assert published_ranks(TEST, Published(frame, {"table": "t"})) == pytest.approx(-1)
