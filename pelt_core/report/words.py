"""Sentences that every study page needs, computed from the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from IPython.display import Markdown

from pelt_core.report.commits import commit
from pelt_core.report.missing import DIVERGED
from pelt_core.study.run import Run


class Recorded(Protocol):
    """The recorded part of a grid of runs, of whatever kind."""

    @property
    def runs(self) -> Sequence[Run]:
        """The whole grid."""

    @property
    def rows(self) -> Mapping[str, dict[str, Any]]:
        """Key -> ledger row of every recorded run."""


def seeds(results: Recorded) -> list[int]:
    """The seeds of the finished trained runs."""
    finished = {key for key, row in results.rows.items() if row["status"] == "finished"}
    return sorted({run.seed for run in results.runs if run.trains and run.key in finished})


def hours(results: Recorded) -> str:
    """The wall time of all recorded runs, added up."""
    total = sum(sum(row.get("seconds", {}).values()) for row in results.rows.values())
    return f"{total / 3600:.1f} hours" if total >= 3600 else f"{total / 60:.0f} minutes"


def counted(number: int, what: str) -> str:
    """`1 seed`, `2 seeds`."""
    return f"{number} {what}{'s' * (number != 1)}"


def listed(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    words = list(words)
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def marked(names: Iterable[str]) -> str:
    """`*a*`, `*a* and *b, c*`: names in italics, as some have a comma inside."""
    return listed(f"*{name}*" for name in names)


def progress(results: Recorded, missing: Sequence[str], name: Callable[[Any], str]) -> Markdown:
    """How many runs are recorded, what is not run yet, and what diverged.

    Args:
        results: of a study.
        missing: what is not run yet, in lines.
        name: of a run, in words.
    """
    said = [f"{len(results.rows):,} of {len(results.runs):,} runs are recorded."]
    if missing:
        points = "\n".join(f"- {line}" for line in missing)
        said.append(f"**Not run yet**, and shown nowhere below as a number:\n\n{points}")
    diverged = [run for run in results.runs if results.rows.get(run.key, {}).get("status") == DIVERGED]
    if diverged:
        said.append(f"**Diverged** (recorded, without results): {listed(map(name, diverged))}.")
    return Markdown("\n\n".join(said))


def state(results: Recorded, missing: Sequence[str], name: Callable[[Any], str], items: str) -> Markdown:
    """As `progress`, and whether there is but one seed, for a page with intervals.

    Args:
        results: of a study.
        missing: what is not run yet, in lines.
        name: of a run, in words.
        items: what a study tests on, in words.
    """
    said = [progress(results, missing, name).data]
    if len(seeds(results)) == 1:
        said.append(
            f"There is **one seed** so far: intervals hold the choice of {items}, not that of training rows and "
            "start, so there is no p-value and **no verdict**."
        )
    return Markdown("\n\n".join(said))


def provenance(results: Recorded, preset: str, ledger: str) -> Markdown:
    """Where the rows come from. Nothing about the machine that made the page, so that it can be made again exactly."""
    rows = list(results.rows.values())
    if not rows:
        return Markdown(f"No run of preset `{preset}` is recorded in `{ledger}` yet.")
    origins = [row["provenance"] for row in rows]
    commits = Counter(commit(origin) for origin in origins)
    versions = Counter(", ".join(f"{name} {version}" for name, version in o["versions"].items()) for o in origins)
    machines = Counter(f"{o['device']}, {counted(o['threads'], 'thread')} a run" for o in origins)
    lines = {
        "Rows": f"{len(rows)} of {len(results.runs)} runs of preset `{preset}`, in `{ledger}`",
        "Time": f"{hours(results)} of wall time, added up over this page's runs",
        "Seeds": listed(map(str, seeds(results))),
        "Code of the runs": _counted(commits),
        "Machine": _counted(machines),
        "Python": _counted(Counter(o["python"] for o in origins)),
        "Versions": _counted(versions),
    }
    body = "\n".join(f"- **{name}**: {value}" for name, value in lines.items())
    return Markdown(
        f"{body}\n\nEvery number, figure and verdict above was computed from these rows by this page's notebook, which "
        "`pelt report` executes; the page on [reproducing](../reproduce) tells how to make it again."
    )


def _counted(counter: Counter[str]) -> str:
    if len(counter) == 1:
        return next(iter(counter))
    return "; ".join(f"{value} ({number} runs)" for value, number in counter.most_common())
