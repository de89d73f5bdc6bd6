"""Claims on how much scores vary from one sample of the data to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from pelt_core.study.claims import reasons
from pelt_core.study.claims.evidence import Evidence
from pelt_core.study.claims.finding import ALPHA, Finding, Test
from pelt_core.study.claims.published import Published
from pelt_core.study.statistics import POWER

LEAST_SHUFFLES = 3
"""Two scores lie equally far from their median, whatever it is."""
Array = NDArray[np.float64]


def spread(study: str, test: Mapping[str, Any], evidence: Evidence) -> Finding:
    """The deviations of some methods' scores over shuffles, as a multiple of those of others.

    With y the score of a method on a task and shuffle, and m the median of its shuffles there, the deviations

        d = (y - m) / (mean of |y - m| over all methods on that task)

    are pooled over tasks; the effect is the ratio of the mean |d| of both groups of methods. The test is that of Brown
    and Forsythe 1974 (doi:10.2307/2285659) on d; the interval that of the logarithm of the ratio, with Welch's degrees
    of freedom. Methods were trained on the same shuffles, which the test does not use: it is rather too careful.

    Args:
        study: whose rows.
        test: `methods` against those of `than`; `above`, 1, is the only bound that it takes; and `examples`.
        evidence: the rows.
    """
    examples, compared = test["examples"], [*test["methods"], *test["than"]]
    trained = evidence.trained(study, [{"method": name, "examples": examples} for name in compared])
    silent = evidence.silent(study, trained, examples)
    table = evidence.scores(study).table
    own = table[(table["examples"] == examples) & table["task"].isin(set(trained) - set(silent.tasks))]
    own = own[own["method"].isin(compared)]
    own = own[own.groupby(["task", "method"])["score"].transform("size") >= LEAST_SHUFFLES]
    scaled = _scaled(own)
    first, second = (scaled[own["method"].isin(test[group])].to_numpy() for group in ("methods", "than"))
    absent = sorted(set(compared) - set(own["method"]))
    limits = [*reasons.without_signal(silent)]
    limits += [f"not recorded with {LEAST_SHUFFLES} shuffles yet: {', '.join(absent)}"] * bool(absent)
    name = f"{' and '.join(test['methods'])} against {', '.join(test['than'])}"
    return Finding(
        unit="times the deviation",
        tests=(_ratio(name, first, second),) if len(first) and len(second) else (),
        missing=tuple(absent),
        seeds=int(own.groupby(["task", "method"]).size().min()) if len(own) else 0,
        tasks=tuple(dict.fromkeys(own["task"])),
        silent=silent.tasks,
        reasons=tuple(limits),
    )


def published_spread(test: Mapping[str, Any], published: Published) -> float:
    """The ratio of the published deviations, each as a multiple of the task's mean one."""
    names = [*test["methods"], *test["than"]]
    deviations = pd.DataFrame({name: published.numbers(name, test.get("tasks", ()), "std") for name in names})
    scaled = deviations.div(deviations.mean(axis=1), axis=0).mean()
    return float(scaled[test["methods"]].mean() / scaled[test["than"]].mean())


def _scaled(own: pd.DataFrame) -> pd.Series:
    deviations = own["score"] - own.groupby(["task", "method"])["score"].transform("median")
    scale = deviations.abs().groupby(own["task"]).transform("mean")
    return (deviations / scale).fillna(0.0)


def _ratio(name: str, first: Array, second: Array) -> Test:
    means, errors = zip(*(_mean_and_error(np.abs(group)) for group in (first, second)), strict=True)
    if not all(means):
        return Test(name, np.nan, np.nan, np.nan, 0.0, np.nan)
    log = float(np.log(means[0] / means[1]))
    relative = np.array([error / mean for error, mean in zip(errors, means, strict=True)])
    error = float(np.sqrt((relative**2).sum()))
    freedom = float((relative**2).sum() ** 2 / (relative**4 / [len(first) - 1, len(second) - 1]).sum())
    beyond, power = stats.t.isf(ALPHA / 2, freedom), stats.t.isf(1 - POWER, freedom)
    return Test(
        name=name,
        effect=float(np.exp(log)),
        low=float(np.exp(log - beyond * error)),
        high=float(np.exp(log + beyond * error)),
        gain=log,
        p=float(stats.levene(first, second, center="median").pvalue),
        detectable=float(np.exp((beyond + power) * error)),
    )


def _mean_and_error(values: Sequence[float] | Array) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))
