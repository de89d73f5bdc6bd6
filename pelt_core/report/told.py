"""An estimate in words and in a cell of a table: the number, its interval, and whether it is significant."""

from __future__ import annotations

from typing import Any

import numpy as np

from pelt_core.report.tables import interval, p_value
from pelt_core.report.words import counted
from pelt_core.study.statistics import LEVEL


def in_cell(one: Any, number: str) -> str:
    """`1.2 [0.3, 2.1]` for a table, of a line with `state`; or that state, which says why there is no estimate."""
    return one.state or interval(one, number)


def with_p(one: Any, number: str) -> str:
    """`in_cell` and, where there was a test, the corrected p-value behind it."""
    return in_cell(one, number) + ("" if one.state or np.isnan(one.p_holm) else f", p {p_value(one.p_holm)}")


def estimate(one: Any, unit: str = "points", number: str = "{:+.1f}") -> str:
    """`+1.2 [0.3, 2.1] points over 6 runs (p = 0.010, significant)`, of a line of `over_runs` or `cells.paired`.

    The interval is of this line alone. Where the line has p_holm, that decides, so that an interval may leave out 0
    and the estimate still not be significant.
    """
    runs = f" over {counted(int(one.runs), 'run')}" if hasattr(one, "runs") else ""
    if not np.isfinite(one.low):
        return f"{number.format(one.mean)} {unit}{runs}, without an interval".replace("-", "−")
    p = getattr(one, "p_holm", one.p)
    numbers = f"{interval(one, number)} {unit}{runs}"
    if np.isnan(p):
        return f"{numbers}, of one seed and so without a test"
    equals = p_value(p) if p < 0.001 else f"= {p_value(p)}"
    corrected = " after Holm's correction" if hasattr(one, "p_holm") else ""
    return f"{numbers} (p {equals}{corrected}, {'significant' if p < 1 - LEVEL else 'not significant'})"
