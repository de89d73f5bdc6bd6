"""What the benchmarks have recorded, what of it meets its target, and what is not recorded yet."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OURS = "pelt"
"""What the benchmarks call this library."""
BENCHMARKS = ("training", "decoding", "inference_overhead", "scaling", "breakdown")


@dataclass(frozen=True)
class Comparison:
    """One contender against another that took turns with it.

    Attributes:
        benchmark: which measured them.
        cell: what both did, as the benchmark names it.
        of: the record of the one, see `benchmarks.figures.contender`.
        against: the record of the other.
        kind: "ratio" of their speeds, or "added_percent" of the other's time.
        median: over the repeats.
        least: of the repeats.
        most: of the repeats.
        to_reach: the least ratio, or the most percent, that was asked for; None if nothing was.
        loss: the largest difference of their losses of the same step, in nats; None where there is no loss.
        why: their losses differ by more than rounding; empty if they do not.
        texts: the share of answers that are the same, text for text; None where that was not asked.

    """

    benchmark: str
    cell: dict[str, Any]
    of: dict[str, Any]
    against: dict[str, Any]
    kind: str
    median: float
    least: float
    most: float
    to_reach: float | None
    loss: float | None
    why: str
    texts: float | None

    @property
    def what(self) -> str:
        """What is compared: the cell, or of a cell with several contenders of ours, which of them."""
        return self.of["name"].removeprefix(f"{OURS}, ") if self.of["name"] != OURS else self.cell["name"]

    @property
    def peer(self) -> str:
        """The other, without the precision that its name may end with: rows tell it, and a protocol has one only."""
        return re.sub(", (fp32|bf16)$", "", self.against["name"])

    @property
    def reached(self) -> bool | None:
        """Whether the median is what was asked for; None if nothing was."""
        if self.to_reach is None:
            return None
        return self.median >= self.to_reach if self.kind == "ratio" else self.median <= self.to_reach

    @property
    def points(self) -> list[float]:
        """The ratio in each repeat."""
        pairs = zip(speeds(self.of), speeds(self.against), strict=True)
        return [a / b if self.kind == "ratio" else 100 * (b / a - 1) for a, b in pairs]


@dataclass(frozen=True)
class Recorded:
    """The files of results that are there.

    Attributes:
        files: benchmark -> what it wrote.

    """

    files: dict[str, dict[str, Any]]

    @property
    def missing(self) -> list[str]:
        """The benchmarks that nobody has recorded yet."""
        return [name for name in BENCHMARKS if name not in self.files]

    def cells(self, benchmark: str) -> list[dict[str, Any]]:
        """What a benchmark measured, cell by cell; nothing if it is not recorded."""
        return list(self.files[benchmark]["cells"]) if benchmark in self.files else []

    @property
    def comparisons(self) -> list[Comparison]:
        """All of them, in the order of the benchmarks and of their cells."""
        return [one for name in BENCHMARKS for cell in self.cells(name) for one in _comparisons(name, cell)]

    def added(self, method: str) -> list[Comparison]:
        """What each library adds to the time of its bare backbone with that method."""
        return [one for one in self.comparisons if one.kind == "added_percent" and one.of["name"] == method]


def load(folder: str | Path) -> Recorded:
    """The results in `folder`."""
    files = {name: Path(folder) / f"{name}.json" for name in BENCHMARKS}
    return Recorded({name: json.loads(file.read_text()) for name, file in files.items() if file.exists()})


def method_of(cell: dict[str, Any]) -> str:
    """The name in front of the arguments and positions of a cell's method; of several methods all that stands there."""
    return re.split(r"[(@:]", cell.get("method", "none"), maxsplit=1)[0]


def size_of(contender: dict[str, Any]) -> int:
    """The number in the name of a contender of `scaling`: 4 of "rank 4"."""
    return int(re.findall(r"\d+", contender["name"])[0])


def unit(contender: dict[str, Any]) -> str:
    """What a contender's work is counted in: "tokens", "questions"."""
    return next(name for name in contender if name.endswith("_per_second")).removesuffix("_per_second")


def speeds(contender: dict[str, Any]) -> list[float]:
    """Work a second in each repeat."""
    return [turn["work"] / turn["seconds"] for turn in contender["repeats"]]


def speed(contender: dict[str, Any]) -> float:
    """Work a second, the median of the repeats."""
    return statistics.median(speeds(contender))


def _comparisons(benchmark: str, cell: dict[str, Any]) -> Iterator[Comparison]:
    by_name = {contender["name"]: contender for contender in cell["contenders"]}
    for row in cell.get("comparisons", ()):
        kind = "ratio" if "ratio" in row else "added_percent"
        yield Comparison(
            benchmark,
            cell,
            by_name[row["of"]],
            by_name[row["against"]],
            kind,
            **row[kind],
            to_reach=row.get("to_reach"),
            loss=row.get("loss_difference", {}).get("any_step"),
            why=row.get("losses_differ", ""),
            texts=row.get("same_texts"),
        )
