"""The search for learning rates on questions that no study tests: what won, and what the studies use."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import method_name
from pelt_core.report.reasoning.cells import by_name, cells, difference
from pelt_core.report.tables import interval
from pelt_core.report.tested import TESTED
from pelt_core.report.words import counted, marked
from pelt_core.study.answer_scores import AnswerScores
from pelt_core.study.presets import block


def searched(scores: AnswerScores) -> pd.DataFrame:
    """Every rate of every method as a line of `pelt_core.report.lines.means`; a diverged run has no loss."""
    found = cells(scores, ("method", "learning_rate"))
    names = found["method"].map(method_name)
    return found.assign(heading=names, line=[f"{rate:g}" for rate in found["learning_rate"]])


def choices(scores: AnswerScores) -> pd.DataFrame:
    """The rate with the lowest loss for each method whose search is whole.

    Returns:
        Columns method, rate, border (whether it is the lowest or the highest of several that were searched), after (the
        rate with the loss after it, NaN where nothing else was searched), and of the paired difference after − best
        those of `pelt_core.report.reasoning.cells.difference`.
    """
    lacking = {scores.names[run.method] for run in scores.missing}
    found = searched(scores).dropna(subset="mean")
    lines = [_choice(scores, str(m), own) for m, own in found.groupby("method", sort=False) if m not in lacking]
    return pd.DataFrame(lines, columns=["method", "rate", "border", "after", "state", "seeds", "items", *TESTED])


def in_use(preset: str) -> dict[str, float]:
    """Method -> the rate that the preset's studies of answers train it with."""
    return {name: method["learning_rate"][0] for name, method in block(preset)["answers"]["recipe"].items()}


def table(scores: AnswerScores, preset: str) -> pd.DataFrame:
    """What the search chose for each method, and what the preset's studies use."""
    chosen, used = by_name(choices(scores)), in_use(preset)
    body = []
    for name in dict.fromkeys(scores.names[run.method] for run in scores.runs):
        one: Any = chosen.get(name)
        several = one is not None and not np.isnan(one.after)
        rates = [f"{run.learning_rate:g}" for run in scores.runs if scores.names[run.method] == name]
        body.append(
            {
                "Method": method_name(name),
                "Searched": ", ".join(rates),
                "Best": f"{one.rate:g}" if one else NOT_RUN,
                "Next": f"{one.after:g}" if several else "",
                "Next − best": interval(one, "{:+.4f}") if several else "",
                "At the border": "yes" if one and one.border else "",
                "In use": f"{used[name]:g}" if name in used else "",
            }
        )
    return pd.DataFrame(body)


def reading(scores: AnswerScores, preset: str) -> Markdown:
    """How clear the choices are, which lie at the border of what was searched, and whether they are in use."""
    found = choices(scores)
    if found.empty:
        return Markdown("The search is not whole for any method yet: nothing is chosen.")
    said = [f"The search is whole for {len(found)} of {counted(len(set(scores.names.values())), 'method')}."]
    if close := [method_name(one.method) for one in found.itertuples() if one.low <= 0]:
        said.append(
            f"**Close**: of {marked(close)} the interval of the difference to the next rate holds zero, so that the "
            "choice is as good as another."
        )
    borders = [method_name(one.method) for one in found.itertuples() if one.border]
    said.append(
        f"**At the border** of what was searched, so that a better rate may lie beyond: {marked(borders)}."
        if borders
        else "No choice lies at the border of what was searched."
    )
    used = in_use(preset)
    others = [method_name(one.method) for one in found.itertuples() if used.get(one.method, one.rate) != one.rate]
    said.append(
        f"**Not in use**: the studies train {marked(others)} with other rates than these."
        if others
        else "Every choice is the one that the studies use."
    )
    return Markdown("\n\n".join(said))


def limits(scores: AnswerScores) -> Markdown:
    """One point a limit."""
    longest = max(run.questions for run in scores.runs)
    points = [
        "**One seed, few rates.** Intervals hold the choice of questions alone.",
        "**One size and one place** of each module: the studies that sweep sizes, or put modules elsewhere, train all "
        "of them with the rate found here.",
        f"**Other questions.** At most {longest} questions of each set chose the rates, and no study tests them: they "
        "come from the other end of the shuffled test split.",
        "**Not everywhere.** The study of [places](placement), whose runs serve [arithmetic](arithmetic) again, came "
        "before this search; its rates were chosen on a short pilot.",
    ]
    return Markdown("\n".join(f"- {point}" for point in points))


def _choice(scores: AnswerScores, method: str, own: pd.DataFrame) -> dict[str, Any]:
    best, *others = sorted(own.itertuples(), key=lambda one: one.mean)
    rates = [run.learning_rate for run in scores.runs if scores.names[run.method] == method]
    line = {"method": method, "rate": best.learning_rate, "after": np.nan, **dict.fromkeys(TESTED, np.nan)}
    line["border"] = len(rates) > 1 and best.learning_rate in (min(rates), max(rates))
    if others:
        after, first = ({"method": method, "learning_rate": one.learning_rate} for one in (others[0], best))
        line |= {"after": others[0].learning_rate} | difference(scores, after, first)
    return line
