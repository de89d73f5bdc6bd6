"""What a build of a training set came to, source by source, as JSON types: counts, reasons, lengths, a few excerpts."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pelt_core.data.math10k import Build, Gathered, Outcome
from pelt_core.data.reading import content_sha256
from pelt_core.data.teachers import Teacher

EXCERPT = 119  # characters
EXCERPTS = 2  # of each source and reason


def summarise(built: Build, teacher: Teacher) -> dict[str, Any]:
    """The record of a build: `teacher`, `seed`, `rows`, `content_sha256`, `sources`, `excerpts`.

    Of each source: questions `asked` and `not_asked` by reason; `kept`, those whose answer is right, `kept_by_attempt`
    and their share `yield`; `dropped` by reason; `in_set`, rows after sampling; and lengths in words.
    """
    outcomes = {outcome.question.id: outcome for outcome in built.outcomes}
    in_set = {row["id"] for row in built.rows}
    sources, excerpts = [], []
    for part in built.gathered:
        own = [outcomes[question.id] for question in part.questions]
        sources.append(_source(part, own, in_set))
        excerpts += _excerpts(own)
    return {
        "teacher": teacher.report(),
        "seed": built.seed,
        "rows": len(built.rows),
        "content_sha256": content_sha256(built.rows),
        "sources": sources,
        "excerpts": excerpts,
    }


def _source(part: Gathered, outcomes: Sequence[Outcome], in_set: set[str]) -> dict[str, Any]:
    kept = [outcome for outcome in outcomes if outcome.solution]
    by_attempt = Counter(outcome.attempt for outcome in kept)
    return {
        "source": f"{part.source.name}/{part.source.split}",
        "asked": len(outcomes),
        "not_asked": part.not_asked,
        "kept": len(kept),
        "kept_by_attempt": [by_attempt[attempt] for attempt in range(max(by_attempt, default=-1) + 1)],
        "yield": len(kept) / len(outcomes) if outcomes else None,
        "dropped": dict(Counter(outcome.reason for outcome in outcomes if not outcome.solution).most_common()),
        "in_set": sum(outcome.question.id in in_set for outcome in kept),
        "question_words": _lengths([outcome.question.text for outcome in kept]),
        "solution_words": _lengths([outcome.solution for outcome in kept]),
    }


def _lengths(texts: Sequence[str]) -> dict[str, float] | None:
    words = sorted(len(text.split()) for text in texts)
    if not words:
        return None
    last = len(words) - 1
    return {
        "mean": round(statistics.fmean(words), 2),
        **{f"p{percent}": words[round(last * percent / 100)] for percent in (5, 50, 95)},
        "longest": words[-1],
    }


def _excerpts(outcomes: Sequence[Outcome]) -> list[dict[str, str]]:
    shown: Counter[str] = Counter()
    found = []
    for outcome in outcomes:
        shown[outcome.reason] += 1
        if shown[outcome.reason] <= EXCERPTS:
            found.append(
                {
                    "id": outcome.question.id,
                    "question": _cut(outcome.question.text),
                    "written": _cut(outcome.written),
                    "reason": outcome.reason or "kept",
                    "detail": _cut(outcome.detail),
                }
            )
    return found


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= EXCERPT else f"{text[: EXCERPT - 1]}…"
