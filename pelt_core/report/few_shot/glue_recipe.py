"""The page on learning rates: what was searched, what won on development rows, and what the studies use."""

from __future__ import annotations

import numpy as np
import pandas as pd
from IPython.display import Markdown

from pelt_core.report.few_shot import limits
from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import method_name, task_name
from pelt_core.report.words import counted, listed, marked
from pelt_core.study.recipe import RATES, Rates, best_rates, choices, differing, in_use, missing
from pelt_core.study.scores import POINTS, Scores

SIDES = dict(zip(RATES, ("module", "head"), strict=True))


def table(scores: Scores, preset: str) -> pd.DataFrame:
    """What the search chose for each method, and what the preset's studies use."""
    lacking, used, body = missing(scores), in_use(preset), []
    chosen = {choice.method: choice for choice in choices(scores)}
    for method in dict.fromkeys(scores.names[run.method] for run in scores.runs):
        one = chosen.get(method)
        body.append(
            {
                "Method": method_name(method),
                "Best: module / head": _rates(one.rates) if one else NOT_RUN,
                "Development score": f"{one.score:.1f}" if one else f"{counted(lacking.get(method, 0), 'run')} missing",
                "Next behind by": f"{one.behind:.1f}" if one and one.behind is not None else "",
                "At the border": listed(SIDES[rate] for rate in one.borders) if one and one.borders else "",
                "In use": _rates(used[method]) if method in used else "",
            }
        )
    return pd.DataFrame(body)


def reading(scores: Scores, preset: str) -> Markdown:
    """How clear the choices are, which lie at the border of what was searched, and whether they are in use."""
    found = choices(scores)
    if not found:
        return Markdown("The search is not whole for any method yet: nothing is chosen.")
    said = [f"The search is whole for {len(found)} of {counted(len(set(scores.names.values())), 'method')}."]
    error = _error(scores)
    close = [method_name(one.method) for one in found if one.behind is not None and one.behind < error]
    if close:
        said.append(
            f"**Close**: of {marked(close)} the next rates follow by less than about {error:.1f} points, the standard "
            "error of a single development score. This is no test: both scores are of the same rows, so that their "
            "difference may be surer than either, but how far they agree row by row is not recorded. The choice there "
            "may be luck."
        )
    ties = [f"*{method_name(one.method)}* ({listed(map(_rates, one.ties))})" for one in found if one.ties]
    if ties:
        said.append(f"**Ties**, of which the first searched is taken: {listed(ties)}.")
    borders = [f"*{method_name(o.method)}* ({listed(SIDES[rate] for rate in o.borders)})" for o in found if o.borders]
    said.append(
        f"**At the border** of what was searched, so that a better rate may lie beyond: {listed(borders)}."
        if borders
        else "No choice lies at the border of what was searched."
    )
    others = differing(scores, preset)
    said.append(
        f"**Not in use**: the studies train {marked(map(method_name, others))} with other rates than these."
        if others
        else "Every choice is the one that the studies use."
    )
    return Markdown("\n\n".join(said))


def limit_points(scores: Scores) -> Markdown:
    """One point a limit."""
    tasks = [task_name(name) for name in dict.fromkeys(run.task for run in scores.runs)]
    sizes = listed(f"{size:,}" for size in dict.fromkeys(run.examples for run in scores.runs))
    points = [
        *limits.of_runs(scores),
        f"**Few values, few tasks.** Rates were tried on {listed(tasks)} with {sizes} examples, and are used on all "
        "tasks and with any number of them. The head's rate was varied for some methods only, at one rate of the "
        "module.",
        f"**No intervals, no tests.** Of development rows only the score of each epoch is recorded, so that lines have "
        f"no interval; the standard error of a score on so many rows is about {_error(scores):.1f} points.",
        "**The best epoch** of each run was chosen on the same development rows, which favours all rates alike.",
    ]
    return Markdown("\n".join(f"- {point}" for point in points))


def facts(scores: Scores) -> dict[str, str]:
    """What other pages quote, as text."""
    best = best_rates(scores)
    return {
        "recorded": f"{len(scores.rows):,} of {len(scores.runs):,}",
        **{f"rates_{method}": _rates(rates) for method, rates in best.items()},
    }


def _error(scores: Scores) -> float:
    """The standard error, in points, of the mean over the tasks of a share that is measured on the development rows."""
    shares = scores.table["dev_score"].median() / POINTS if len(scores.table) else 0.5
    rows = min(run.dev_rows for run in scores.runs) * len(dict.fromkeys(run.task for run in scores.runs))
    return float(POINTS * np.sqrt(shares * (1 - shares) / rows))


def _rates(rates: Rates) -> str:
    return " / ".join(f"{rate:g}" for rate in rates)
