"""Deviations over shuffles that are made up, with a known ratio."""

from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from pelt_core.study import statistics
from pelt_core.study.claims.evidence import Evidence, Silent
from pelt_core.study.claims.finding import verdict
from pelt_core.study.claims.published import Published
from pelt_core.study.claims.spread import published_spread, spread

TEST = {"methods": ["lora", "prefix"], "than": ["full", "adapter"], "examples": 100, "above": 1}
TASKS = ("sst2", "qqp", "mrpc", "stsb")


class MadeUp:
    """Scores of five shuffles, those of `TEST["methods"]` `times` as far apart."""

    def __init__(self, times: float, shuffles: int = 5, silent: tuple[str, ...] = ()) -> None:
        rng, self._silent = np.random.default_rng(0), silent
        self.table = pd.DataFrame(
            {"task": task, "method": m, "examples": 100, "seed": seed, "score": 70 + size * k * rng.standard_normal()}
            for size, task in enumerate(TASKS, 1)
            for m, k in (("lora", times), ("prefix", times), ("full", 1), ("adapter", 1))
            for seed in range(shuffles)
        )

    def scores(self, study: str) -> "MadeUp":
        return self

    def trained(self, study: str, cells: list[dict[str, Any]]) -> list[str]:
        assert all(cell["examples"] == 100 for cell in cells)
        return list(TASKS)

    def silent(self, study: str, tasks: list[str], examples: int) -> Silent:
        assert tasks == list(TASKS) and examples == 100
        return Silent(here=self._silent)


@pytest.mark.parametrize("times, said", [(6, "supported"), (1 / 6, "contradicted"), (1, "undecided at this scale")])
def test_every_verdict_can_be_reached(times: float, said: str) -> None:
    found = spread("low-resource", TEST, cast(Evidence, MadeUp(times)))
    assert verdict(found, statistics.holm([test.p for test in found.tests])) == said
    (one,) = found.tests
    assert one.low < times < one.high and one.low < one.effect < one.high
    assert (found.seeds, found.tasks) == (5, TASKS)


def test_two_shuffles_are_too_few() -> None:
    found = spread("low-resource", TEST, cast(Evidence, MadeUp(6, shuffles=2)))
    assert verdict(found, []) == "not run yet" and "with 3 shuffles" in found.reasons[0]


def test_a_task_without_a_signal_is_left_out() -> None:
    found = spread("low-resource", TEST, cast(Evidence, MadeUp(6, silent=("sst2",))))
    assert found.tasks == TASKS[1:] and found.silent == ("sst2",) and "so many examples" in found.reasons[0]


def test_the_published_ratio() -> None:
    names = {"lora": 3.0, "prefix": 1.0, "fine-tuning": 1.0, "adapter": 1.0}
    frame = pd.DataFrame({"table": "t", "method": name, "dataset": "sst2", "std": std} for name, std in names.items())
    assert published_spread(TEST, Published(frame, {"table": "t"})) == pytest.approx(2)
