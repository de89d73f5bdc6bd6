"""What rows say of a claim: its tests, and the verdict that they give after Holm's correction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

Verdict = Literal[
    "supported", "contradicted", "undecided at this scale", "untestable here", "incomplete", "not run yet"
]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
DECIDED: tuple[Verdict, ...] = ("supported", "contradicted")
OPEN: tuple[Verdict, ...] = ("incomplete", "not run yet")
"""No verdict, as results are missing: of some of the comparisons, or of all. A run that diverged has none."""
ALPHA = 0.05
"""Of every test, after Holm's correction in its family."""


@dataclass(frozen=True)
class Test:
    """One comparison of a claim.

    Attributes:
        name: what is compared, e.g. ``apl − lora``.
        effect: its size, in the finding's unit.
        low, high: ends of its 95 % interval.
        gain: how far the effect lies on the claimed side of the claimed bound; negative on the other.
        p: that it lies on neither side, two-sided; NaN if one seed does not allow a test.
        detectable: the smallest true distance from the bound that four of five repetitions would show; NaN if unknown.
        decides: whether the verdict rests on it; it counts in Holm's correction either way.
        detail: of an exact count, what is counted and what is printed, in words.
    """

    __test__ = False  # for pytest, which would take it for one of its own

    name: str
    effect: float
    low: float
    high: float
    gain: float
    p: float
    detectable: float = np.nan
    decides: bool = True
    detail: str = ""


@dataclass(frozen=True)
class Finding:
    """What the recorded rows say of a claim.

    Attributes:
        unit: of the effects.
        tests: all comparisons that could be made.
        missing: what has no results of what the claim compares.
        seeds, items: how many the comparisons rest on.
        tasks: on which.
        silent: tasks left out, as they cannot test a claim, see `pelt_core.study.signal`.
        reasons: what limits the finding, in words.
        needs: whether ``all`` tests must agree with the claim, or ``any`` of them.
        testable: whether more rows of the same study could decide it; not where it compares too few methods.
    """

    unit: str
    tests: tuple[Test, ...] = ()
    missing: tuple[str, ...] = ()
    seeds: int = 0
    items: int = 0
    tasks: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    needs: Literal["all", "any"] = "all"
    testable: bool = True


def verdict(finding: Finding, p_holm: ArrayLike) -> Verdict:
    """What the tests give together.

    With ``needs="all"``: supported if every test is significant on the claimed side, contradicted if one is on the
    other. With ``needs="any"``: supported if one test is significant on the claimed side, contradicted if every one is
    on the other. What is missing leaves room for neither but a contradiction, or a support by any; without these, the
    claim is incomplete, or not run yet where there is no deciding test at all. A finding that no rows of its study
    could decide is untestable.

    Args:
        finding: with its tests.
        p_holm: the corrected p-value of each test.
    """
    decides = [test.decides for test in finding.tests]
    sure = np.asarray(p_holm, dtype=float)[decides] < ALPHA
    gains = np.array([test.gain for test in finding.tests])[decides]
    agreeing, opposing = sure & (gains > 0), sure & (gains < 0)
    one, whole = (opposing, agreeing) if finding.needs == "all" else (agreeing, opposing)
    if one.any():
        return "contradicted" if finding.needs == "all" else "supported"
    if finding.missing:
        return "incomplete" if any(decides) else "not run yet"
    if len(gains) and whole.all():
        return "supported" if finding.needs == "all" else "contradicted"
    return "undecided at this scale" if finding.testable else "untestable here"


def telling(finding: Finding) -> Test | None:
    """The test to show for all: the one that is furthest from what the claim needs; None without tests."""
    tests: Sequence[Test] = [test for test in finding.tests if test.decides]
    if not tests:
        return None
    return (min if finding.needs == "all" else max)(tests, key=lambda test: test.gain)
