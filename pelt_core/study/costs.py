"""What the methods cost, as `python -m benchmarks.efficiency` measured it, turn by turn beside full fine-tuning."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pelt_core.study import statistics

Work = Literal["training", "inference"]
RESULTS = Path("benchmarks/results/efficiency.json")
FULL = "full"
"""The method that the others are held against."""
FULL_TIME = 100.0
"""Its time."""


@dataclass(frozen=True)
class Relative:
    """A time beside that of full fine-tuning, which is `FULL_TIME`.

    Attributes:
        mean: geometric, of the ratios of all turns.
        low: lower end of its interval under other turns.
        high: upper end of that.
        p_value: of the hypothesis that the method takes as long as full fine-tuning, two-sided.
        repeats: how many turns each of the two had.
    """

    mean: float
    low: float
    high: float
    p_value: float
    repeats: int


@dataclass(frozen=True)
class Costs:
    """The file of results; its figures are those of one backbone.

    Attributes:
        file: what the benchmark wrote; empty if nothing is recorded.
    """

    file: dict[str, Any]

    @cached_property
    def _records(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Work -> method -> its record, see `benchmarks.figures.contender`."""
        return {cell["name"]: {one["name"]: one for one in cell["contenders"]} for cell in self.file.get("cells", ())}

    @property
    def methods(self) -> list[str]:
        """Short names, in the order of the benchmark; none if nothing is recorded."""
        return list(self._records.get("training", ()))

    def cell(self, work: Work) -> dict[str, Any]:
        """What the benchmark wrote of one kind of work: rows, batch size, backbone."""
        return next(cell for cell in self.file["cells"] if cell["name"] == work)

    def specification(self, method: str) -> str:
        """The method as the benchmark attached it."""
        return str(self._records["training"][method]["method"])

    def relative(self, work: Work, method: str) -> Relative:
        """The time for the same work beside that of full fine-tuning, from turns that stood side by side."""
        own, full = (self._seconds(work, name) for name in (method, FULL))
        if method == FULL:
            return Relative(FULL_TIME, FULL_TIME, FULL_TIME, 1.0, len(own))
        found = statistics.estimate(np.log(own / full))
        mean, low, high = (float(FULL_TIME * np.exp(value)) for value in (found.mean, found.low, found.high))
        return Relative(mean, low, high, found.p_value, len(own))

    def memory(self, work: Work, method: str) -> int:
        """Bytes: the most that the process held while it worked."""
        return int(self._records[work][method]["peak_memory_bytes"])

    def trainable(self, method: str) -> int:
        """Trained parameters, the head's among them."""
        return int(self._records["training"][method]["trainable_parameters"])

    def kept(self, method: str) -> int:
        """As `trainable`, once it is trained: what is needed in training only is folded away."""
        return int(self._records["inference"][method]["trainable_parameters"])

    def own(self, method: str) -> int:
        """As `kept`, without the head's."""
        return self.kept(method) - int(self._records["inference"][method]["head_parameters"])

    def flops(self, method: str) -> int:
        """Floating point operations of reading one text, see `benchmarks.efficiency.forward_flops`."""
        return int(self._records["inference"][method]["forward_flops"])

    def _seconds(self, work: Work, method: str) -> np.ndarray:
        """Of one unit of work, in each turn."""
        return np.array([turn["seconds"] / turn["work"] for turn in self._records[work][method]["repeats"]])


def load(path: str | Path = RESULTS) -> Costs:
    """The recorded costs; none if the benchmark has not been run."""
    file = Path(path)
    return Costs(json.loads(file.read_text()) if file.exists() else {})
