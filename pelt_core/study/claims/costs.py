"""Claims on what a method costs: exact numbers of parameters, and times measured side by side."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from math import floor, log10
from typing import Any

import numpy as np

from pelt_core.study import statistics
from pelt_core.study.claims.evidence import Evidence
from pelt_core.study.claims.finding import Finding, Test
from pelt_core.study.claims.published import Published

FULL = "full"
LEAST_REPEATS = 3
PERCENTS = "trainable-percent (as printed in the DoRA paper, table 1)"
"""The published table of the shares of trained parameters of LLM-Adapters."""
OF_COUNT, OF_BACKBONE = "% of the published count", "% of the backbone"
"""The units of exact counts."""
CUT_OFF = "cut off instead of rounded"
"""In the detail of a test, how a printed number agrees that is not ours rounded."""


def counts(study: str, test: Mapping[str, Any], evidence: Evidence) -> Finding:
    """Whether our exact counts are the paper's in all its digits; trailing zeros of a printed number are none.

    Counted is what a method keeps of its own parameters. The effect is, for each method, ours minus theirs in percent
    of theirs. There is nothing random: a count agrees (p = 0), rounded or cut off to the printed digits, or does not.

    Args:
        study: not used, as counting takes no run.
        test: `backbone` and `methods`, name -> specification.
        evidence: for the published numbers.
    """
    from pelt_core.counting import count_named

    published = Published(evidence.papers, {"table": "4-efficiency"})
    tests = []
    for name, method in test["methods"].items():
        theirs = published.fact(name, "trainable_parameters")
        counted = count_named(test["backbone"], method, task="classification")
        percent = published.fact(name, "trainable_percent")
        said = f"{counted.own:,} and {counted.percent:.4f} % counted, {theirs:,.0f} and {percent:g} % printed"
        pairs = {float(counted.own): theirs, counted.percent: percent}
        tests.append(_exact(name, 100 * (counted.own / theirs - 1), pairs, said))
    return Finding(OF_COUNT, tests=tuple(tests), reasons=("exact counts, nothing random",))


def percents(study: str, test: Mapping[str, Any], evidence: Evidence) -> Finding:
    """Whether our exact shares of trained parameters are the printed ones, rounded or cut off to their digits.

    The effect is, for each method, ours minus theirs, in percent of the backbone; there is nothing random.

    Args:
        study: not used, as counting takes no run.
        test: `backbone`, a name of the catalogue, and `methods`, name -> specification.
        evidence: for the published numbers of the backbone.
    """
    from pelt_core.counting import count_named

    published = Published(evidence.papers, {"table": PERCENTS, "backbone": test["printed"]})
    tests = []
    for name, method in test["methods"].items():
        theirs = published.fact(name, "trainable_percent")
        ours = count_named(test["backbone"], method, task="causal-lm").percent
        tests.append(_exact(name, ours - theirs, {ours: theirs}, f"{ours:.4f} % counted, {theirs:g} % printed"))
    return Finding(OF_BACKBONE, tests=tuple(tests), reasons=("exact counts, nothing random",))


def as_printed(ours: float, theirs: float, rounding: str = ROUND_HALF_EVEN) -> float:
    """Ours with as many digits as are printed of theirs.

    >>> as_printed(109_482_240, 110_000_000)
    110000000.0
    >>> as_printed(109_482_240, 110_000_000, ROUND_DOWN)
    100000000.0
    """
    digits = f"{theirs:.10g}".replace(".", "").lstrip("0").split("e")[0].rstrip("0")
    last = floor(log10(abs(ours))) + 1 - len(digits)
    return float(Decimal(str(ours)).quantize(Decimal(1).scaleb(last), rounding))


def _exact(name: str, off: float, printed: Mapping[float, float], said: str) -> Test:
    """Whether each of our numbers, the keys, is the printed one, rounded or cut off."""
    rounded = all(as_printed(ours, theirs) == theirs for ours, theirs in printed.items())
    agrees = all(
        theirs in (as_printed(ours, theirs), as_printed(ours, theirs, ROUND_DOWN)) for ours, theirs in printed.items()
    )
    detail = f"{said}, {CUT_OFF}" if agrees and not rounded else said
    return Test(name, off, off, off, 1.0 if agrees else -1.0, 0.0, detail=detail)


def published_counts(test: Mapping[str, Any], published: Published) -> float:
    """The paper differs from itself by nothing."""
    return 0.0


def times(study: str, test: Mapping[str, Any], evidence: Evidence) -> Finding:
    """The time of the same work with each method, in percent of that with full fine-tuning.

    Both took turns, so that repeat i gives a ratio r_i of their times for a unit of work; the effect is

        e = 100 exp(mean_i log r_i),

    with the t-test and interval of the logarithms over repeats, one test a method.

    Args:
        study: not used, the times are in a file of their own.
        test: `work`, "training" or "inference", `methods`, and `above` or `below`, in percent.
        evidence: for the file.
    """
    cell = next((c for c in (evidence.times or {}).get("cells", ()) if c["name"] == test["work"]), None)
    if cell is None:
        return Finding(unit=_PERCENT, missing=("a measurement of times",))
    seconds = {
        contender["name"]: np.array([turn["seconds"] / turn["work"] for turn in contender["repeats"]])
        for contender in cell["contenders"]
    }
    absent = [name for name in (FULL, *test["methods"]) if name not in seconds]
    repeats = min(len(values) for values in seconds.values())
    side, sign = ("above", 1) if "above" in test else ("below", -1)
    tests = [
        _time(name, np.log(seconds[name] / seconds[FULL]), sign, float(np.log(test[side] / 100)))
        for name in test["methods"]
        if not absent and repeats >= LEAST_REPEATS
    ]
    limits = [f"fewer than {LEAST_REPEATS} repeats: no verdict"] * (repeats < LEAST_REPEATS)
    return Finding(
        unit=_PERCENT,
        tests=tuple(tests),
        missing=tuple(absent),
        items=repeats,
        reasons=(*limits, f"measured on {cell['backbone']} and one machine; the paper's were on a GPU"),
    )


def published_times(test: Mapping[str, Any], published: Published) -> float:
    """The paper's time of the method that comes closest to refuting the claim."""
    printed = [published.fact(name, f"{test['work']}_time") for name in test["methods"]]
    return min(printed) if "above" in test else max(printed)


_PERCENT = "% of fine-tuning's time"


def _time(name: str, logs: np.ndarray[Any, Any], sign: int, bound: float) -> Test:
    found = statistics.estimate(logs)
    return Test(
        name=name,
        effect=float(100 * np.exp(found.mean)),
        low=float(100 * np.exp(found.low)),
        high=float(100 * np.exp(found.high)),
        gain=sign * (found.mean - bound),
        p=statistics.estimate(logs - bound).p_value,
        detectable=float(100 * np.expm1(found.smallest_detectable)),
    )
