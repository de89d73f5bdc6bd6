"""Judged claims as flat lines, for tables and scripts."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from pelt_core.study.claims.finding import VERDICTS
from pelt_core.study.claims.judge import Judged

DIGITS = 6


def line(judged: Judged) -> dict[str, Any]:
    """One claim as JSON types; a number that does not exist is None.

    Fields: those of the claim but its test; what it is `about`, see `pelt_core.study.claims.judge.Kind`; `verdict`,
    and `verdict_over_all_tasks`, which counts also tasks that cannot test a claim; `provisional`, see `Judged`;
    `effect`, `low`, `high`, `detectable`, `p_holm` of the test shown, in `unit`; `published`, the same effect in the
    paper's numbers, and `published_same_tasks`, that over `tasks` alone; `of_published_size`, see `Judged`; `seeds`,
    `items`, `tasks`, `tasks_left_out`; `missing`, `reasons`; and all `tests`.
    """
    claim, found, shown = judged.claim, judged.finding, judged.shown
    return {
        "id": claim.id,
        "title": claim.title,
        "paper": claim.paper,
        "where": claim.where,
        "says": claim.says,
        "tested": claim.tested,
        "study": claim.study,
        "family": claim.family,
        "about": judged.about,
        "verdict": judged.verdict,
        "verdict_over_all_tasks": judged.everywhere,
        "provisional": judged.provisional,
        "unit": found.unit,
        "published": _number(judged.published),
        "published_same_tasks": _number(judged.published_here),
        "of_published_size": judged.of_published_size,
        "effect": _number(shown.effect if shown else None),
        "low": _number(shown.low if shown else None),
        "high": _number(shown.high if shown else None),
        "detectable": _number(shown.detectable if shown else None),
        "p_holm": _number(judged.p),
        "seeds": found.seeds,
        "items": found.items,
        "tasks": list(found.tasks),
        "tasks_left_out": list(found.silent),
        "missing": list(found.missing),
        "reasons": list(found.reasons),
        "tests": [
            {
                "name": test.name,
                "effect": _number(test.effect),
                "low": _number(test.low),
                "high": _number(test.high),
                "p_holm": _number(p),
                "decides": test.decides,
            }
            for test, p in zip(found.tests, judged.p_holm, strict=True)
        ],
    }


def counted(judged: Sequence[Judged]) -> dict[str, int]:
    """How many claims have each verdict, all of them named."""
    return {verdict: sum(one.verdict == verdict for one in judged) for verdict in VERDICTS}


def provisional(judged: Sequence[Judged]) -> str:
    """Which families' p-values Holm's correction may yet raise, in a sentence; empty where everything has run."""
    families = list(dict.fromkeys(one.claim.family for one in judged if one.provisional))
    if not families:
        return ""
    *others, last = families
    named = f"families {', '.join(others)} and {last}" if others else f"family {last}"
    return (
        f"Holm's correction counts the comparisons that could be made so far: the p-values of the {named} are "
        "provisional, as other comparisons there are not run yet."
    )


def _number(value: float | None) -> float | None:
    return round(float(value), DIGITS) if value is not None and isfinite(value) else None
