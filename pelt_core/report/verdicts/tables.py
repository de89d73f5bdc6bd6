"""Claims and verdicts as tables."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, product
from math import isfinite

import pandas as pd

from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import method_name, task_name
from pelt_core.report.tables import p_value
from pelt_core.study.claims.costs import OF_BACKBONE, OF_COUNT
from pelt_core.study.claims.finding import VERDICTS
from pelt_core.study.claims.judge import COST, NO_STUDY, QUALITY, Judged
from pelt_core.study.grids import STUDIES

PAPERS = {"unipelt": "UniPELT", "llm-adapters": "LLM-Adapters"}
OTHER_PAGES = {"efficiency": "[What it costs](efficiency)", "parameters": "[Parameters](../parameters)"}
"""Of what is tested without runs of a study."""

FORMS = {"nats per token": "{:+.4f}", "points": "{:+.2f}", OF_COUNT: "{:.4f}", OF_BACKBONE: "{:.4f}"}
"""How effects of some units are written."""
INDENT = "&emsp;"
FEW_SEEDS = 5
"""Below, the variance between seeds is hardly known."""


def counts(judged: Sequence[Judged]) -> pd.DataFrame:
    """How many claims of each paper, and about what, have each verdict, those apart that no study tests."""
    lines = []
    for (paper, name), about in product(PAPERS.items(), (QUALITY, COST)):
        own = [_verdict(one) for one in judged if (one.claim.paper, one.about) == (paper, about)]
        counted = {said.capitalize(): own.count(said) for said in (*VERDICTS, NO_STUDY)}
        lines.append({"Paper": name, "About": about, "Claims": len(own)} | counted)
    return pd.DataFrame(lines)


def claims(judged: Sequence[Judged]) -> pd.DataFrame:
    """Every claim: what it says, its verdict, the published effect, also over our tasks alone, ours, and its basis.

    Claims of one group stand together under a line that says what they have in common.
    """
    lines: list[dict[str, str]] = []
    for _, group in groupby(judged, key=lambda one: one.claim.group):
        own = list(group)
        if len(own) == 1:
            lines.append(_line(own[0], own[0].claim.says))
            continue
        lines.append({"Claim": f"**{common([one.claim.says for one in own])}**"})
        lines += [_line(one, INDENT + _condition(one)) for one in own]
    return pd.DataFrame(lines).fillna("")


def caption(judged: Sequence[Judged]) -> str:
    """What stands in `claims`, and how far its smallest detectable effects can be trusted."""
    said = (
        "Every claim with its verdict: the published effect over all tasks of the paper and over those of ours, ours "
        "with its interval (for claims of several comparisons, the least favourable one), its corrected p-value, the "
        "smallest effect that it would have detected if it were tested alone, before the correction, and what it rests "
        "on. Where a claim sets a bound other than zero, both are against that bound."
    )
    if any(one.of_published_size is False for one in judged):
        said += (
            " *Not of the published size*: the effect that the paper prints over the same tasks lies outside of our "
            "interval."
        )
    if any(one.everywhere != one.verdict for one in judged):
        said += (
            " In brackets: the verdict if also the tasks counted on which full fine-tuning, or every method, does not "
            "leave the trivial baseline."
        )
    seeds = {one.finding.seeds for one in judged if one.shown and isfinite(one.shown.detectable)}
    if few := [f"{number}" for number in sorted(seeds) if 0 < number < FEW_SEEDS]:
        said += (
            f" With {' or '.join(few)} seeds the variance behind a smallest detectable effect is itself estimated from "
            "few numbers: it is a rough one."
        )
    return said


def common(sentences: Sequence[str]) -> str:
    """What is the same in sentences that differ in their first clause: the rest of them, as a sentence."""
    if len(set(sentences)) == 1:
        return sentences[0]
    rest = sentences[0].partition(", ")[2]
    return rest[0].upper() + rest[1:]


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
    form = FORMS.get(unit, "{:.0f}" if unit.startswith("%") else "{:.2f}")
    return form.format(value).replace("-", "−")


def _condition(one: Judged) -> str:
    return f"{int(one.claim.condition):,} examples" if "examples" in one.claim.test else one.claim.condition


def _verdict(one: Judged) -> str:
    return one.verdict if one.claim.study else NO_STUDY


def _line(one: Judged, says: str) -> dict[str, str]:
    found, shown = one.finding, one.shown
    ours = "" if shown else NOT_RUN * (one.verdict == NOT_RUN)
    if shown:
        low, high = (effect(value, found.unit) for value in (shown.low, shown.high))
        bounds = "" if shown.low == shown.high else f" [{low},\N{NO-BREAK SPACE}{high}]"
        ours = f"{effect(shown.effect, found.unit)}{bounds}"
    return {
        "Claim": f"{says} `{one.claim.id}`",
        "Verdict": said(one),
        "Published": effect(one.published, found.unit),
        "Published, same tasks": effect(one.published_here, found.unit),
        "Ours": ours,
        "Unit": found.unit if shown or isfinite(one.published) else "",
        "p, Holm": p_value(one.p) if shown and shown.high > shown.low else "",
        "Detectable": effect(shown.detectable, found.unit).lstrip("+") if shown else "",
        "Seeds": str(found.seeds or ""),
        "Tasks": str(len(found.tasks) or ""),
        "Items": f"{found.items:,}" if found.items else "",
    }


def said(one: Judged) -> str:
    """The verdict, beside it that over all tasks where it differs, and whether our interval leaves out what is printed.

    Over all tasks, those count too that are left out as silent.
    """
    beside = f" (with tasks left at the trivial baseline: {one.everywhere})" if one.everywhere != one.verdict else ""
    return f"{_verdict(one)}{beside}{'; not of the published size' * (one.of_published_size is False)}"


def _named(one: Judged) -> list[str]:
    """The reasons, with tasks as papers spell them."""
    named = []
    for reason in one.finding.reasons:
        head, colon, rest = reason.rpartition(": ")
        named.append(f"{head}{colon}{', '.join(map(task_name, rest.split(', ')))}")
    if one.verdict == "incomplete":
        named.append(f"not recorded yet: {', '.join(map(method_name, one.finding.missing))}")
    return named
