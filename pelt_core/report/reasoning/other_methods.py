"""The methods that the papers only name, on questions: loss and what is forgotten, against what is trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import METHOD_NAMES, method_name, set_name
from pelt_core.report.reasoning.cells import by_name, cells, difference
from pelt_core.report.tables import interval
from pelt_core.report.tested import TESTED, with_holm
from pelt_core.report.told import in_cell, with_p
from pelt_core.report.words import counted, listed, marked
from pelt_core.study.answer_scores import AnswerScores

REFERENCE = "lora"
"""The method that all others are held against."""
OUTSIDE = ("none", "full")
"""Not of a size that can be chosen: the floor and the ceiling."""
COMPARABLE = (2 / 3, 3 / 2)
"""So much of the reference's number of trained parameters counts as comparable."""
LABELS = ("trained parameters", "answer loss, nats per token")
"""Of the axes of the figure of sizes."""
LIMITS = (
    "**Untuned methods.** Only those of the [search](answer-recipe) have a rate of their own; the others have that of "
    "the nearest kind, or one from the encoder's page. A method that does badly here may want another.",
)
"""Of this study alone."""


def sizes(scores: AnswerScores) -> pd.DataFrame:
    """Every method's loss with its number of trained parameters: columns of `cells` and parameters; NaN if not run."""
    parameters = scores.table.groupby("method")["trainable_parameters"].first() if len(scores.table) else pd.Series()
    found = cells(scores)
    return found.assign(parameters=found["method"].map(parameters).astype(float))


def band(frame: pd.DataFrame) -> tuple[float, float]:
    """The least and the greatest number of parameters that count as comparable to the reference's; NaN without it."""
    own = frame.loc[frame["method"] == REFERENCE, "parameters"].max()
    return COMPARABLE[0] * own, COMPARABLE[1] * own


def differences(scores: AnswerScores, frame: pd.DataFrame) -> pd.DataFrame:
    """Each method − `REFERENCE`, paired by item and seed, as a line of `pelt_core.report.lines.differences`."""
    low, high = band(frame)
    lines = [
        {"heading": _heading(one, low, high), "line": method_name(one.method), "method": one.method}
        | difference(scores, {"method": one.method}, {"method": REFERENCE})
        for one in frame.itertuples()
        if one.method not in (REFERENCE, "none")
    ]
    found = with_holm(pd.DataFrame(lines, columns=["heading", "line", "method", "state", "seeds", "items", *TESTED]))
    return found.sort_values("heading", key=lambda own: own.map(HEADINGS.index), kind="stable", ignore_index=True)


HEADINGS = ("of comparable size", "of another size", "size not known yet")


def table(scores: AnswerScores, frame: pd.DataFrame, against: pd.DataFrame) -> pd.DataFrame:
    """The page's table: what each method trains, its losses, and the difference to the reference."""
    by_set = {name: by_name(cells(scores, sets=(name,))) for name in scores.tasks}
    texts = by_name(cells(scores.by("text_loss")))
    said = by_name(against)
    specifications = {name: spec for spec, name in scores.names.items()}
    body = []
    for one in frame.itertuples():
        body.append(
            {
                "Method": method_name(one.method),
                "Trained": NOT_RUN if np.isnan(one.parameters) else f"{one.parameters:,.0f}",
                **{f"Loss, {set_name(name)}": in_cell(found[one.method], "{:.3f}") for name, found in by_set.items()},
                **({"Loss of other texts": in_cell(texts[one.method], "{:.3f}")} if texts else {}),
                f"− {METHOD_NAMES[REFERENCE]}": with_p(said[one.method], "{:+.3f}") if one.method in said else "",
                "Seeds": f"{one.seeds}",
                "Module": f"`{specifications[one.method]}`",
            }
        )
    return pd.DataFrame(body)


def reading(frame: pd.DataFrame, against: pd.DataFrame) -> Markdown:
    """Which methods do best, and which are told apart from the reference, in sentences."""
    known = frame[frame["mean"].notna() & ~frame["method"].isin(OUTSIDE)].sort_values("mean")
    if known.empty:
        return Markdown("There is nothing to read yet: no method is recorded.")
    first = [f"*{method_name(one.method)}* {interval(one, '{:.3f}')}" for one in known.head(3).itertuples()]
    said = [f"The lowest losses of the {counted(len(known), 'method')} recorded: {listed(first)} nats per token."]
    for sign, how in ((-1, "lower"), (1, "higher")):
        own = against[against["significant"] & (sign * against["mean"] > 0)]
        if len(own):
            said.append(f"The loss is {how} than LoRA's, after Holm's correction, of {marked(own['line'])}.")
    open_lines = against[against["p"].notna() & ~against["significant"]]
    if len(open_lines):
        said.append(f"Not told apart from LoRA: {marked(open_lines['line'])}.")
    return Markdown("\n\n".join(said))


def _heading(one: Any, low: float, high: float) -> str:
    if np.isnan(one.parameters) or np.isnan(low):
        return HEADINGS[2]
    return HEADINGS[0] if low <= one.parameters <= high else HEADINGS[1]
