"""The numbers that an argument may be: of a module, `rate: Fraction` in place of `rate: float`; of a run, the least."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True)
class Range:
    """The finite numbers from `low` to `high`, or `above` that low."""

    low: float = -math.inf
    high: float = math.inf
    above: bool = False

    def __contains__(self, value: float) -> bool:
        inside = self.low < value if self.above else self.low <= value
        return inside and value <= self.high and math.isfinite(value)

    def __str__(self) -> str:
        return f"above {self.low:g}" if self.above else f"{self.low:g} to {self.high:g}"


Positive = Annotated[float, Range(0, above=True)]
NonNegative = Annotated[float, Range(0)]
Fraction = Annotated[float, Range(0, 0.99)]


def too_small(values: Mapping[str, float], least: Mapping[str, float]) -> str:
    """Which of `values` are below `least` or not finite: "epochs is 0 and must be a number of at least 1", or ""."""
    wrong = {name: low for name, low in least.items() if values[name] not in Range(low)}
    return "; ".join(
        f"{name} is {values[name]} and must be a number of at least {low:g}" for name, low in wrong.items()
    )
