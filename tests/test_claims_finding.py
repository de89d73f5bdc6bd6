"""Verdicts follow the tests."""

from typing import Any

import numpy as np
import pytest

from pelt_core.study.claims.finding import Finding, Test, telling, verdict


def finding(gains: list[float], **fields: Any) -> Finding:
    return Finding("points", tuple(Test(str(g), g, g - 1, g + 1, g, 0.5) for g in gains), **fields)


@pytest.mark.parametrize(
    "gains, p_holm, missing, said",
    [
        ([2, 1], [0.01, 0.04], (), "supported"),
        ([2, 1], [0.01, 0.05], (), "undecided at this scale"),
        ([2, -1], [0.01, 0.01], (), "contradicted"),
        ([2, -1], [0.01, 0.9], (), "undecided at this scale"),
        ([2], [np.nan], (), "undecided at this scale"),
        ([], [], (), "undecided at this scale"),
        ([], [], ("rows",), "not run yet"),
        ([2], [0.01], ("a rival",), "incomplete"),
        ([-2], [0.01], ("a rival",), "contradicted"),
    ],
)
def test_all_tests_must_agree(gains: list[float], p_holm: list[float], missing: tuple[str, ...], said: str) -> None:
    assert verdict(finding(gains, missing=missing), p_holm) == said


@pytest.mark.parametrize(
    "gains, p_holm, missing, said",
    [
        ([2, -1], [0.01, 0.01], (), "supported"),
        ([-2, -1], [0.01, 0.01], (), "contradicted"),
        ([-2, -1], [0.01, 0.2], (), "undecided at this scale"),
        ([-2], [0.01], ("another",), "incomplete"),
        ([2], [0.01], ("another",), "supported"),
    ],
)
def test_any_test_may_agree(gains: list[float], p_holm: list[float], missing: tuple[str, ...], said: str) -> None:
    assert verdict(finding(gains, missing=missing, needs="any"), p_holm) == said


def test_what_does_not_decide_is_not_asked() -> None:
    tests = (Test("a", 1, 0, 2, 1, 0.01), Test("b", -9, -10, -8, -9, 0.001, decides=False))
    assert verdict(Finding("points", tests), [0.02, 0.002]) == "supported"


def test_what_decides_nothing_leaves_a_claim_not_run() -> None:
    beside = Test("b", -9, -10, -8, -9, 0.001, decides=False)
    assert verdict(Finding("points", (beside,), ("rows",)), [0.01]) == "not run yet"


def test_what_compares_too_few_is_untestable_once_its_rows_are_there() -> None:
    few, nothing = finding([2], testable=False), finding([], testable=False, missing=("rows",))
    assert verdict(few, [np.nan]) == "untestable here" and verdict(nothing, []) == "not run yet"


def test_the_test_that_is_shown_is_the_one_furthest_from_what_the_claim_needs() -> None:
    found, none = telling(finding([2, -1, 3])), telling(finding([]))
    assert found is not None and found.gain == -1 and none is None
    most = telling(finding([2, -1, 3], needs="any"))
    assert most is not None and most.gain == 3
