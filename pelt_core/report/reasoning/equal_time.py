"""Single modules that train on more, until they have had as long as a gated combination."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from IPython.display import Markdown

from pelt_core.report.names import method_name
from pelt_core.report.reasoning.cells import cells, difference
from pelt_core.report.tested import TESTED, with_holm
from pelt_core.report.told import estimate, in_cell
from pelt_core.report.words import counted
from pelt_core.study.answer_scores import AnswerScores

COMBINATION = "token"
"""The gated combination whose training time the others are given, by its short name."""
AS_IT, LONGER = "On as many rows", "On more rows"


class Cell(NamedTuple):
    """What tells the cells of this study apart."""

    method: str
    train: str
    epochs: int


def losses(scores: AnswerScores) -> pd.DataFrame:
    """The loss of every cell as a line of `pelt_core.report.lines.means`.

    Returns:
        Also epochs, rows (that it trains on, NaN while nothing is recorded), and time (of training, in percent of the
        combination's, the mean over the seeds that both have; NaN without any).
    """
    found = cells(scores, Cell._fields)
    own = [Cell(one.method, one.train, one.epochs) for one in found.itertuples()]
    usual, rows = _combination(scores), scores.table.groupby(list(Cell._fields))["training_rows"].first()
    return found.assign(
        heading=[LONGER if _longer(cell, usual) else AS_IT for cell in own],
        line=found["method"].map(method_name),
        rows=[rows.get(cell, np.nan) for cell in own],
        time=[_percent(scores, cell, usual) for cell in own],
    )


def differences(scores: AnswerScores) -> pd.DataFrame:
    """The combination − every other cell, as a line of `pelt_core.report.lines.differences`."""
    usual = _combination(scores)
    own = dict.fromkeys(Cell(scores.names[run.method], run.train, run.epochs) for run in scores.runs)
    lines = [
        {"heading": LONGER if _longer(cell, usual) else AS_IT, "line": method_name(cell.method), "method": cell.method}
        | difference(scores, usual._asdict(), cell._asdict())
        for cell in own
        if cell != usual
    ]
    return with_holm(pd.DataFrame(lines, columns=["heading", "line", "method", "state", "seeds", "items", *TESTED]))


def table(found: pd.DataFrame) -> pd.DataFrame:
    """The cells of `losses` for the page."""
    body = [
        {
            "Method": one.line,
            "Rows": "" if np.isnan(one.rows) else f"{one.rows:,.0f}",
            "Epochs": f"{one.epochs}",
            "Time": "" if np.isnan(one.time) else f"{one.time:.0f} %",
            "Loss": in_cell(one, "{:.3f}"),
            "Seeds": f"{one.seeds}",
        }
        for one in found.itertuples()
    ]
    return pd.DataFrame(body)


def reading(found: pd.DataFrame, differing: pd.DataFrame) -> Markdown:
    """Whether the combination is worth its time.

    Args:
        found: as `losses` gives it.
        differing: as `differences` gives it.
    """
    if (differing["state"] != "").all():
        return Markdown("There is nothing to read yet: no module is recorded beside the combination.")
    said = [_of_heading(str(heading), own) for heading, own in differing.groupby("heading", sort=False)]
    times = found.loc[(found["heading"] == LONGER) & found["time"].notna()]
    if len(times):
        shares = "; ".join(f"{one.line} {one.time:.0f} %" for one in times.itertuples())
        said.append(
            f"**How equal.** Training time in percent of the combination's: {shares}. What is below 100 % had less "
            "time than the combination, what is above had more."
        )
    return Markdown("\n\n".join(said))


def _of_heading(heading: str, own: pd.DataFrame) -> str:
    known = own[own["state"] == ""]
    said = "; ".join(f"less {one.line}: {estimate(one, 'nats per token', '{:+.4f}')}" for one in known.itertuples())
    open_cells = f" {counted(len(own) - len(known), 'cell')} not run yet." * (len(known) < len(own))
    return f"**{heading}.** {method_name(COMBINATION)} {said}.{open_cells}" if said else f"**{heading}.** Not run yet."


def _combination(scores: AnswerScores) -> Cell:
    return next(Cell(COMBINATION, r.train, r.epochs) for r in scores.runs if scores.names[r.method] == COMBINATION)


def _longer(cell: Cell, usual: Cell) -> bool:
    return cell[1:] != usual[1:]


def _percent(scores: AnswerScores, one: Cell, other: Cell) -> float:
    first, second = _seconds(scores, one), _seconds(scores, other)
    ratios = [first[seed] / second[seed] for seed in sorted(first.keys() & second.keys())]
    return 100 * float(np.mean(ratios)) if ratios else float("nan")


def _seconds(scores: AnswerScores, cell: Cell) -> dict[Any, float]:
    """Of training, by seed."""
    own = scores.table[(scores.table[list(Cell._fields)] == list(cell)).all(axis=1)]
    return {line.seed: scores.rows[line.key]["seconds"]["train"] for line in own.itertuples()}
