"""What was written in answer to each question of a study, read again: older rows were read by fewer rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pelt_core import data
from pelt_core.data.readings import readings
from pelt_core.report.reasoning.cells import summary, unknown
from pelt_core.study.answer_scores import AnswerScores
from pelt_core.study.scores import POINTS

STATEMENT = "answer is"
"""How every worked answer of the training data ends, and, in any case of letters, what counts as stating one."""
COLUMNS = ("method", "seed", "set", "id", "output", "gold", "extracted", "correct", "equation", "redone", "stated")


def answers(scores: AnswerScores) -> pd.DataFrame:
    """One line a question and finished run.

    Returns:
        Columns method (the short name), seed, set, id, output, gold; extracted and correct, by the mended rule;
        equation, the last one that is written, or None, and redone, whether it gives the right answer when we compute
        it, see `pelt_core.data.written_equation`, which is for numbers alone; stated, whether the output says what its
        answer is.
    """
    lines = []
    for run in scores.table.itertuples():
        asked = scores.items(run.key)
        asked = asked[asked["output"].notna()] if "output" in asked else asked.head(0)
        for item in asked.itertuples():
            read_again = read(item.set, item.output, item.gold)
            lines.append({"method": run.method, "seed": run.seed, "id": item.id, **read_again})
    return pd.DataFrame(lines, columns=list(COLUMNS))


def read(name: str, output: str, gold: str) -> dict[str, Any]:
    """What is read out of one output, by the columns of `answers`.

    Args:
        name: of the data set.
        output: what was written.
        gold: the right answer.
    """
    found = readings(data.answer_kind(name), output, gold)
    return {
        "set": name,
        "output": output,
        "gold": gold,
        "extracted": found["extracted"],
        "correct": found["correct"],
        "equation": found.get("equation"),
        "redone": found.get("equation_correct", False),
        "stated": STATEMENT in output.lower(),
    }


def shares(scores: AnswerScores, written: pd.DataFrame, chosen: pd.Series, sets: Sequence[str] = ()) -> pd.DataFrame:
    """In how many of a method's answers something is so, in points with an interval, each data set counting the same.

    Args:
        scores: of the study.
        written: as `answers` gives it.
        chosen: of each of its lines, whether it is so.
        sets: of these data sets; of all if empty.

    Returns:
        Columns method, in the order of the grid, and those of `pelt_core.report.reasoning.cells.summary`.
    """
    lines = []
    for name in methods(scores):
        own = written[(written["method"] == name) & (written["set"].isin(sets) if sets else True)]
        found = own.assign(share=POINTS * chosen[own.index].astype(float))
        values = found.pivot(index=["set", "id"], columns="seed", values="share").dropna()
        estimated = summary(values.rename_axis(["task", "id"]), POINTS) if len(values) else unknown(scores, method=name)
        lines.append({"method": name, **estimated})
    return pd.DataFrame(lines)


def methods(scores: AnswerScores) -> list[str]:
    """The short names of a study's methods, in the order of the grid."""
    return list(dict.fromkeys(scores.names[run.method] for run in scores.runs))


def sets(scores: AnswerScores, kind: str) -> list[str]:
    """The sets that a study asks for answers of a kind, as `pelt_core.data.answer_kind` calls it."""
    return [name for name in scores.by("accuracy").tasks if data.answer_kind(name) == kind]


def majority(written: pd.DataFrame, name: str) -> float:
    """Points of always giving the commonest right answer of a data set; NaN before a run is recorded."""
    right = written.loc[written["set"] == name].drop_duplicates("id")["gold"]
    return POINTS * float(right.value_counts(normalize=True).max()) if len(right) else np.nan
