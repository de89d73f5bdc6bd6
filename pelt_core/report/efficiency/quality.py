"""What the methods score on the few-example study, on the same tasks for all, and which of them pay for their cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from pelt_core.report.efficiency.pscp import PEFT_BENCH, Constants, pscp, rescaled
from pelt_core.report.few_shot.cells import cells
from pelt_core.report.few_shot.low_resource import averaged
from pelt_core.report.few_shot.tasks import tasks
from pelt_core.study.costs import FULL, Costs, Work
from pelt_core.study.scores import Scores

SPENT = {
    "parameters": "parameters of the method, with the head",
    "training": "training time, full fine-tuning = 100",
    "inference": "inference time, full fine-tuning = 100",
    "memory": "peak memory in training, GB",
}
"""Kind of cost -> its name on an axis."""
TIMES: dict[str, Work] = {"training": "training", "inference": "inference"}
"""Those that are times."""


@dataclass(frozen=True, eq=False)
class Quality:
    """Scores with one number of examples.

    Attributes:
        examples: to train on.
        tasks: those that a mean is taken over, see `pelt_core.report.few_shot.low_resource.averaged`.
        frame: a line a method that has a score, by its short name: `mean`, `low`, `high` in points, `seeds`.
        baseline: the mean over `tasks` of the best score that takes no reading, in points.
    """

    examples: int
    tasks: tuple[str, ...]
    frame: pd.DataFrame
    baseline: float


@cache
def quality(scores: Scores, examples: int) -> Quality:
    """The mean score of every method that is recorded with so many examples."""
    over = averaged(scores, tasks(scores), examples)
    lines = cells(scores, by=("method",), examples=examples, task=over).set_index("method")
    frame = lines.loc[lines["state"] == "", ["mean", "low", "high", "seeds"]]
    baseline = float(np.mean([scores.baseline(name) for name in over])) if over else np.nan
    return Quality(examples, tuple(over), frame, baseline)


def chosen(scores: Scores) -> Quality:
    """The scores to show: those of most methods, with most seeds, on most tasks, and of these with fewest examples."""
    every = [quality(scores, examples) for examples in sorted({run.examples for run in scores.runs})]

    def recorded(one: Quality) -> tuple[float, ...]:
        return len(one.frame), one.frame["seeds"].min() if len(one.frame) else 0, len(one.tasks), -one.examples

    return max(every, key=recorded)


def spent(costs: Costs, kind: str) -> pd.DataFrame:
    """What every method costs: a line a method, `value`, `low` and `high`; what is exact has no interval between them.

    Args:
        costs: recorded, or nothing.
        kind: of `SPENT`.
    """
    lines = {}
    for method in costs.methods:
        if kind in TIMES:
            time = costs.relative(TIMES[kind], method)
            lines[method] = (time.mean, time.low, time.high)
        else:
            exact = costs.kept(method) if kind == "parameters" else costs.memory("training", method) / 1e9
            lines[method] = (exact,) * 3
    return pd.DataFrame.from_dict(lines, orient="index", columns=["value", "low", "high"])


def front(cost: Sequence[float], score: Sequence[float]) -> list[bool]:
    """Of each method, whether no other one scores as much or more at no more cost: the Pareto front."""
    pairs = list(zip(cost, score, strict=True))
    return [not any(c <= own and s >= mine and (c, s) != (own, mine) for c, s in pairs) for own, mine in pairs]


def on_front(costs: Costs, shown: Quality, kind: str) -> list[str]:
    """The methods on the front of mean scores against one kind of cost, the cheapest first."""
    both = spent(costs, kind).join(shown.frame["mean"], how="inner").sort_values("value", kind="stable")
    return [str(method) for method in both.index[front(both["value"], both["mean"])]]


def penalised(costs: Costs, shown: Quality) -> pd.DataFrame:
    """PSCP of every method with a score and a cost: columns `published` and `rescaled`, by the constants used."""
    methods = [method for method in costs.methods if method in shown.frame.index]
    if not methods:
        return pd.DataFrame(columns=["published", "rescaled"])
    own = constants(costs)

    def of(method: str, held_against: Constants) -> float:
        more = max(0, costs.flops(method) - costs.flops(FULL))
        memory = costs.memory("training", method)
        return pscp(shown.frame.loc[method, "mean"], costs.trainable(method), more, memory, held_against)

    lines = {method: (of(method, PEFT_BENCH), of(method, own)) for method in methods}
    return pd.DataFrame.from_dict(lines, orient="index", columns=["published", "rescaled"])


def constants(costs: Costs) -> Constants:
    """Those of PEFT-Bench, in proportion to the backbone and the machine that were measured."""
    return rescaled(costs.own(FULL), costs.flops(FULL), costs.file["machine"]["memory_bytes"])
