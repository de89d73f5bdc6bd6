"""Claims and verdicts as tables."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import pandas as pd

from pelt_core.report.names import task_name
from pelt_core.report.results import NOT_RUN
from pelt_core.report.tables import p_value
from pelt_core.study.claims.finding import VERDICTS
from pelt_core.study.claims.judge import Judged
from pelt_core.study.grids import STUDIES

PAPERS = {"unipelt": "UniPELT", "llm-adapters": "LLM-Adapters"}
OTHER_PAGES = {"efficiency": "[What it costs](efficiency)", "parameters": "[Parameters](../parameters)"}
"""Of what is tested without runs of a study."""


def counts(judged: Sequence[Judged]) -> pd.DataFrame:
    """How many claims of each paper have each verdict."""
    lines = []
    for paper, name in PAPERS.items():
        own = [one.verdict for one in judged if one.claim.paper == paper]
        lines.append({"Paper": name, "Claims": len(own)} | {said.capitalize(): own.count(said) for said in VERDICTS})
    return pd.DataFrame(lines)


def claims(judged: Sequence[Judged]) -> pd.DataFrame:
    """Every claim: what it says, its verdict, the published effect, ours, and what ours rests on."""
    return pd.DataFrame(_line(one) for one in judged)


def pages(judged: Sequence[Judged], there: Sequence[str]) -> pd.DataFrame:
    """How every claim was tested and what limits it, with a link to the page of its study if that is `there`."""
    return pd.DataFrame(
        {
            "Claim": f"`{one.claim.id}`",
            "Where": one.claim.where,
            "Tested": one.claim.tested,
            "Limits": "; ".join(_named(one)),
            "Page": link(one.claim.study, there),
        }
        for one in judged
    )


def link(study: str, there: Sequence[str]) -> str:
    """The page of a study, as a link if that page is there."""
    if not study:
        return ""
    if study in OTHER_PAGES:
        return OTHER_PAGES[study] if study in there or study == "parameters" else study
    return f"[{STUDIES[study].title}]({study})" if study in there else STUDIES[study].title


def effect(value: float, unit: str) -> str:
    """A number in the digits that its unit deserves; empty for none."""
    if not isfinite(value):
        return ""
    form = {"nats per token": "{:+.4f}", "points": "{:+.2f}"}.get(unit, "{:.0f}" if unit.startswith("%") else "{:.2f}")
    return form.format(value).replace("-", "−")


def _line(one: Judged) -> dict[str, str]:
    found, shown = one.finding, one.shown
    ours = "" if shown else NOT_RUN * (one.verdict == NOT_RUN)
    if shown:
        low, high = (effect(value, found.unit) for value in (shown.low, shown.high))
        ours = f"{effect(shown.effect, found.unit)} [{low},\N{NO-BREAK SPACE}{high}]"
    return {
        "Claim": f"{one.claim.says} `{one.claim.id}`",
        "Verdict": said(one),
        "Published": effect(one.published, found.unit),
        "Ours": ours,
        "Unit": found.unit if shown or isfinite(one.published) else "",
        "p, Holm": p_value(one.p) if isfinite(one.p) and shown and shown.high > shown.low else "",
        "Detectable": effect(shown.detectable, found.unit).lstrip("+") if shown else "",
        "Seeds": str(found.seeds or ""),
        "Tasks": str(len(found.tasks) or ""),
        "Items": f"{found.items:,}" if found.items else "",
    }


def said(one: Judged) -> str:
    """The verdict, and beside it that over all tasks where it differs."""
    beside = f" (over all tasks: {one.everywhere})" if one.everywhere != one.verdict else ""
    return f"{one.verdict}{beside}"


def _named(one: Judged) -> list[str]:
    """The reasons, with tasks as papers spell them."""
    named = []
    for reason in one.finding.reasons:
        head, colon, rest = reason.rpartition(": ")
        named.append(f"{head}{colon}{', '.join(map(task_name, rest.split(', ')))}")
    return named
