"""Numbers as the page on speed writes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from pelt_core.report.speed.results import speed, unit


def short(value: float) -> str:
    """Three digits: `0.123`, `3.14`, `31.4`, `12,300`."""
    rounded = float(f"{value:.3g}")
    return (f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{rounded:#.3g}").replace("-", "−")


def spread(median: float, least: float, most: float) -> str:
    """`median [least, most]`; on the page it may break only before the bracket."""
    return f"{short(median)} [{short(least)},\N{NO-BREAK SPACE}{short(most)}]"


def ranged(values: Iterable[float]) -> str:
    """`3.14`, or `3.14 to 31.4` where they differ."""
    values = list(values)
    return " to ".join(dict.fromkeys([short(min(values)), short(max(values))]))


def tiny(value: float) -> str:
    """One digit, however small: `0.000003`."""
    return np.format_float_positional(value, precision=1, fractional=False, trim="-")


def rate(contender: dict[str, Any]) -> str:
    """The speed of a contender: `350 tokens/s`."""
    return f"{short(speed(contender))}\N{NO-BREAK SPACE}{unit(contender)}/s"


def gigabytes(size: float | None) -> str:
    """Bytes as `3.21 GB`; nothing where the system did not say."""
    return "" if size is None else f"{short(size / 1e9)} GB"


def percent(share: float) -> str:
    """A fraction as `55 %`."""
    return f"{100 * share:.0f} %"
