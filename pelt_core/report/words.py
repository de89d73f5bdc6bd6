"""Sentences that every study page needs, computed from the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from IPython.display import Markdown

from pelt_core import specification
from pelt_core.report.names import METHOD_NAMES, set_name
from pelt_core.report.results import Results, place
from pelt_core.study.run import Run


def state(results: Results) -> Markdown:
    """How much of the grid is recorded, naming what is not."""
    recorded, total = len(results.rows), len(results.runs)
    said = [f"{recorded} of {total} runs are recorded."]
    if results.missing:
        lines = "\n".join(
            f"- seed {seed}: {_open(results, seed)}" for seed in sorted({r.seed for r in results.missing})
        )
        said.append(f"**Not run yet**, and shown nowhere below:\n\n{lines}")
    diverged = [row["run"]["method"] for row in results.rows.values() if row["status"] == "diverged"]
    if diverged:
        said.append(f"**Diverged** (recorded, without results): {', '.join(f'`{method}`' for method in diverged)}.")
    if recorded and len(seeds(results)) == 1:
        said.append(
            "There is **one seed** so far: intervals hold the choice of questions, not that of the seed, so there is "
            "no p-value and **no verdict**."
        )
    return Markdown("\n\n".join(said))


def _open(results: Results, seed: int) -> str:
    """The cells whose run with this seed is missing."""
    missing = {place(run.method) for run in results.missing if run.seed == seed}
    cells = [cell for cell in results.cells if (cell.method, cell.placement) in missing]
    if len(cells) > 1 and set(results.trained) <= set(cells):
        return "every trained cell" + (", and the base model" if results.base in cells else "")
    return "; ".join(f"{METHOD_NAMES[cell.method]}, {cell.placement or 'untrained'}" for cell in cells)


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


def module(spec: str) -> str:
    """Name and all arguments of a method, also those that its specification leaves at their defaults."""
    (term,) = specification.parse(spec).terms
    return f"{term.name}({', '.join(f'{name}={value}' for name, value in term.arguments)})"


def training(results: Results) -> str:
    """What every trained cell saw, and how much of it is left where rows say so."""
    run = results.trained[0].runs[0]
    parts = (part.partition(":") for part in run.train.split("+"))
    sampled = listed(f"up to {rows} rows of {set_name(name)}" for name, _, rows in parts)
    used = [row["training_rows"] for row in results.rows.values() if "training_rows" in row]
    left = f": {ranged(used)} remained" if used else ""
    return f"{sampled} (those of more than {run.max_length} tokens are left out{left})"


def ranged(numbers: Sequence[int]) -> str:
    """`3`, or `3 to 5` where they differ."""
    low, high = min(numbers), max(numbers)
    return f"{low}" if low == high else f"{low} to {high}"


def loss_questions(results: Results) -> str:
    """On how many questions of each data set the answer loss is measured: `GSM8K (88 of 100 questions)`."""
    names = results.sets("loss")
    cell = next((cell for cell in results.cells if results.finished(cell)), None)
    if cell is None:
        return ", ".join(map(set_name, names))
    items = results.items[results.finished(cell)[0].key]
    counts = items.groupby("set")["loss"].agg(["count", "size"])
    said = (f"{set_name(name)} ({counts['count'][name]} of {counts['size'][name]} questions)" for name in names)
    longest = results.runs[0].max_length
    return f"{', '.join(said)}: those with a worked answer, and of no more than {longest} tokens with it"


def provenance(results: Recorded, preset: str, ledger: str) -> Markdown:
    """Where the rows come from. Nothing about the machine that made the page, so that it can be made again exactly."""
    rows = list(results.rows.values())
    if not rows:
        return Markdown(f"No run of preset `{preset}` is recorded in `{ledger}` yet.")
    origins = [row["provenance"] for row in rows]
    commits = Counter(
        f"`{(o['git_commit'] or 'no commit')[:10]}`{' with uncommitted changes' * bool(o['git_dirty'])}"
        for o in origins
    )
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
