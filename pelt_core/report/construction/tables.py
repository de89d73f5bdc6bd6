"""Tables on construction: how it was done, yields, reasons, excerpts, variants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pelt_core.report.construction.builds import CLEAN, SETS, Builds, build_name, source_name, teacher_name


def setup(builds: Builds) -> pd.DataFrame:
    """Who taught, what was drawn at random, and what the builds are, by hash."""
    lines = {}
    for key, report in builds.math.items():
        about = ", ".join(f"{name} {_plain(value)}" for name, value in report["teacher"].items())
        lines[build_name(key, report)] = (
            f"sha256 `{report['content_sha256'][:16]}` of {report['rows']:,} rows; {about}; seed {report['seed']}"
        )
    for variant, report in builds.commonsense.items():
        lines[f"Commonsense170K, {variant}"] = (
            f"sha256 `{report['content_sha256'][:16]}` of {report['total']['rows']:,} rows; seed {report['seed']}"
        )
    return pd.DataFrame(lines.items(), columns=["Build", "What it is"])


def yields(builds: Builds) -> pd.DataFrame:
    """For each build and source: questions asked and kept, and the lengths in words of what was kept."""
    return pd.DataFrame(
        {
            "Build": build_name(key, report),
            "Source": source_name(one["source"]),
            "Asked": f"{one['asked']:,}",
            "Kept": f"{one['kept']:,}",
            "Yield, %": f"{100 * one['yield']:.1f}" if one["asked"] else "",
            "In the set": f"{one['in_set']:,}",
            "Question words": _words(one["question_words"]),
            "Solution words": _words(one["solution_words"]),
        }
        for key, report, one in _sources(builds)
    )


def reasons(builds: Builds) -> pd.DataFrame:
    """Every reason for which a question is not in a build, and how many questions it holds for."""
    return pd.DataFrame(
        {
            "Build": build_name(key, report),
            "Source": source_name(one["source"]),
            "When": when,
            "Reason": reason,
            "Questions": f"{count:,}",
        }
        for key, report, one in _sources(builds)
        for when, found in (("not asked", one["not_asked"]), ("dropped", one["dropped"]))
        for reason, count in found.items()
    )


def excerpts(builds: Builds) -> pd.DataFrame:
    """Beginnings of questions and of what each teacher wrote, kept and dropped."""
    return pd.DataFrame(
        {
            "Teacher": teacher_name(key, report),
            "Source": source_name("/".join(one["id"].rsplit("-", 2)[:2])),
            "Question": _quoted(one["question"]),
            "Solution": _quoted(one["written"]),
            "Outcome": one["reason"] + f": {_quoted(one['detail'])}" * bool(one["detail"]),
        }
        for key, report in builds.math.items()
        if key != CLEAN  # whose questions are among those of the other
        for one in report["excerpts"]
    )


def variants(builds: Builds) -> pd.DataFrame:
    """Rows of each set, as published, as rebuilt, and in the other variants."""
    published = builds.rows("published") | {"total": builds.commonsense["published"]["total"]}
    others = {
        variant: builds.rows(variant) | {"total": report["total"]} for variant, report in builds.commonsense.items()
    }
    return pd.DataFrame(
        {
            "Set": SETS.get(name, "All"),
            "As published": f"{one['published']:,}",
            "Not to be had": f"{one['missing']:,}",
            **{
                variant.capitalize().replace("Published", "Rebuilt"): f"{rows[name]['rows']:,}"
                for variant, rows in others.items()
            },
        }
        for name, one in published.items()
    )


def _sources(builds: Builds) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for key, report in builds.math.items():
        for one in report["sources"]:
            yield key, report, one


def _words(lengths: dict[str, float] | None) -> str:
    """`42 (23 to 79)`: the median, and where the middle nine tenths lie."""
    return f"{lengths['p50']} ({lengths['p5']} to {lengths['p95']})" if lengths else ""


def _quoted(text: str) -> str:
    """Text of the data in a cell of a table: no mark of it is read as markup."""
    for mark in "\\`*_$|[]<>{}#~":
        text = text.replace(mark, f"\\{mark}")
    return text


def _plain(value: Any) -> str:
    return f"`{value}`" if isinstance(value, str) else f"{value}"
