"""Tables: pandas frames as captioned MyST tables, and how estimates and p-values are written in them."""

from __future__ import annotations

from math import isnan
from typing import Any

import pandas as pd
from IPython.display import Markdown

from pelt_core.report.missing import DIVERGED, NOT_RUN

NUMBER = rf"^[−+\d<]|^–|^{NOT_RUN.replace(' ', '.')}|^{DIVERGED}|^$"
"""How a cell of a column of numbers begins: with one, or with why there is none."""


def table(frame: pd.DataFrame, name: str, caption: str) -> Markdown:
    """A frame as a MyST table with a caption and a name to refer to.

    Numbers must have been formatted before; the first column is set to the left, columns of numbers to the right. A
    frame without lines, as nothing of it is recorded, becomes a sentence that says so.
    """
    if frame.empty:
        return Markdown(f"{caption}: {NOT_RUN}.")
    right = [i > 0 and frame[c].astype(str).str.match(NUMBER).all() for i, c in enumerate(frame.columns)]
    lines = [frame.columns, ["--:" if r else ":--" for r in right], *frame.itertuples(index=False)]
    body = "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
    return Markdown(f"```{{table}} {caption}\n:name: {name}\n\n{body}\n```")


def interval(estimate: Any, number: str) -> str:
    """`mean [low, high]` of a line of a frame of estimates; on the page it may break only before the bracket."""
    mean, low, high = (number.format(value) for value in (estimate.mean, estimate.low, estimate.high))
    return f"{mean} [{low},\N{NO-BREAK SPACE}{high}]".replace("-", "−")


def p_value(p: float) -> str:
    """A p-value to three places, smaller ones as a bound; nothing where there is no test."""
    if isnan(p):
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
