"""The numbers that an argument of a module may be: `rate: Fraction` in place of `rate: float`."""

from __future__ import annotations

import math
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
