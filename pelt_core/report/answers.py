"""The form of generated answers, apart from whether they are right: do they state one, and is a letter found?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pelt_core.report import estimates
from pelt_core.report.names import METHOD_NAMES, set_name
from pelt_core.report.results import Results

STATEMENT = "answer is"
"""How every worked answer of the training data ends, and, in any case of letters, what counts as stating one."""


def choice_sets(results: Results) -> list[str]:
    """The evaluation sets whose answers are letters."""
    return [name for name in results.sets("correct") if estimates.is_choice(name)]


def form(results: Results) -> pd.DataFrame:
    """Shares of the outputs of every cell, over all seeds; NaN where nothing is recorded.

    Returns:
        Columns method, placement, state, stated (share of all outputs that hold `STATEMENT`), and for each set of
        `choice_sets`, under its name, the share of its outputs in which no answer is found.
    """
    lines = []
    for cell in results.cells:
        line = {"method": cell.method, "placement": cell.placement, "state": results.state(cell)}
        if line["state"]:
            lines.append(line | dict.fromkeys(("stated", *choice_sets(results)), np.nan))
            continue
        items = results.records(cell)
        none_found = items["extracted"].isna().groupby(items["set"]).mean()
        stated = items["output"].str.contains(STATEMENT, case=False, regex=False).mean()
        lines.append(line | {"stated": stated} | {name: none_found[name] for name in choice_sets(results)})
    return pd.DataFrame(lines)


def table(results: Results) -> pd.DataFrame:
    """`form` in percent, for the page."""
    frame = form(results)
    columns = {"stated": "States an answer"} | {name: f"{set_name(name)}: no letter" for name in choice_sets(results)}
    return pd.DataFrame(
        {"Method": METHOD_NAMES[line["method"]], "Place": line["placement"] or "none"}
        | {title: line["state"] or f"{100 * line[name]:.0f}" for name, title in columns.items()}
        for line in frame.to_dict("records")
    )
