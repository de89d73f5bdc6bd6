"""Tables of the methods of a study of answers: sizes and losses, accuracies, the form of outputs, differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import method_name, set_name
from pelt_core.report.reasoning import records
from pelt_core.report.reasoning.cells import by_name, cells, selected
from pelt_core.report.tables import p_value
from pelt_core.report.told import in_cell
from pelt_core.study.answer_scores import AnswerScores

Lines = Sequence[tuple[str, Mapping[str, str]]]
"""The short name of the method of each line of a table, and the columns that the line begins with."""


def named(scores: AnswerScores) -> Lines:
    """Every method of a study, by its name."""
    return [(name, {"Method": method_name(name)}) for name in records.methods(scores)]


def losses(scores: AnswerScores, lines: Lines) -> pd.DataFrame:
    """What each method trains, its loss on each data set, their mean and that on other texts, and its seeds."""
    own, texts = scores.by("loss"), scores.by("text_loss")
    columns = {"Mean loss": by_name(cells(own))} if len(own.tasks) > 1 else {}
    columns |= {f"Loss, {set_name(name)}": by_name(cells(own, sets=(name,))) for name in own.tasks}
    columns |= {"Loss of other texts": by_name(cells(texts))} if texts.tasks else {}
    body = []
    for name, head in lines:
        runs = selected(scores, method=name)
        row = next((scores.rows[run.key] for run in runs if run.key in scores.rows), None)
        sizes = {
            "Trained": f"{row['trainable_parameters']:,}" if row else NOT_RUN,
            "Share": f"{row['trainable_parameters'] / row['backbone_parameters']:.2%}" if row else "",
        }
        seeds = f"{(scores.table['method'] == name).sum()} of {len(runs)}"
        body.append({**head, **sizes, **_said(columns, name, "{:.3f}"), "Seeds": seeds})
    return pd.DataFrame(body)


def accuracies(scores: AnswerScores, written: pd.DataFrame, lines: Lines) -> pd.DataFrame:
    """Accuracy of each method on each data set, in points, with the commonest letter where answers are letters.

    Args:
        scores: of the study.
        written: see `pelt_core.report.reasoning.records.answers`.
        lines: of the table.
    """
    accuracy = scores.by("accuracy")
    columns = {set_name(name): by_name(cells(accuracy, sets=(name,))) for name in accuracy.tasks}
    columns |= {"Mean": by_name(cells(accuracy))}
    found = pd.DataFrame({**head, **_said(columns, name, "{:.1f}")} for name, head in lines)
    guesses = {set_name(name): records.majority(written, name) for name in records.sets(scores, "letter")}
    if np.isfinite(list(guesses.values())).any():
        always = {found.columns[0]: "Always the commonest letter"} | {name: f"{g:.1f}" for name, g in guesses.items()}
        found = pd.concat([found, pd.DataFrame([always])], ignore_index=True).fillna("")
    return found


def form(scores: AnswerScores, written: pd.DataFrame, lines: Lines) -> pd.DataFrame:
    """In how many outputs of each method an answer is stated, and a letter found, in points.

    Args:
        scores: of the study.
        written: see `pelt_core.report.reasoning.records.answers`.
        lines: of the table.
    """
    columns = {f'Says "{records.STATEMENT}"': by_name(records.shares(scores, written, written["stated"]))}
    for name in records.sets(scores, "letter"):
        shares = records.shares(scores, written, written["extracted"].isna(), sets=[name])
        columns[f"{set_name(name)}: no letter"] = by_name(shares)
    return pd.DataFrame({**head, **_said(columns, name, "{:.1f}")} for name, head in lines)


def differences(frame: pd.DataFrame, heading: str, line: str, number: str) -> pd.DataFrame:
    """Paired differences with their tests.

    Args:
        frame: columns heading, line, those of `pelt_core.report.reasoning.cells.difference`, and p_holm.
        heading: what a heading of the frame is.
        line: what a line of it is.
        number: the format of a difference, with a sign.
    """
    return pd.DataFrame(
        {
            heading: one.heading,
            line: one.line,
            "Difference": in_cell(one, number),
            "p": p_value(one.p),
            "p, Holm": p_value(one.p_holm),
            "Detectable": "" if np.isnan(one.detectable) else number.format(one.detectable).lstrip("+"),
            "Seeds": f"{one.seeds}",
        }
        for one in frame.itertuples()
    )


def _said(columns: Mapping[str, Mapping[str, Any]], name: str, number: str) -> dict[str, str]:
    """The number of one method in each column, or why there is none."""
    lines = {title: found.get(name) for title, found in columns.items()}
    return {title: NOT_RUN if one is None else in_cell(one, number) for title, one in lines.items()}
