"""The page on arithmetic: losses and accuracies of the methods, their differences, and the published order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pelt_core.report.names import backbone_name, method_name, set_name
from pelt_core.report.reasoning import published, records
from pelt_core.report.reasoning.cells import by_name, cells, difference
from pelt_core.report.tables import p_value
from pelt_core.report.tested import TESTED, with_holm
from pelt_core.report.told import in_cell
from pelt_core.report.words import counted, listed
from pelt_core.study.answer_scores import AnswerScores

BASE = "none"
TO_BASE, BETWEEN = "Against the base model", "Between methods"
"""Headings of the two kinds of comparison."""


def groups(scores: AnswerScores) -> dict[str, list[str]]:
    """Heading -> data sets of the measure: all of them, and apart from these those whose answers are letters.

    A guess among letters is right now and then, which a number is not.
    """
    every = scores.tasks
    title = set_name(every[0]) if len(every) == 1 else f"Mean of {counted(len(every), 'set')}"
    letters = [name for name in every if name in records.sets(scores, "letter")]
    return {title: every} | {set_name(name): [name] for name in letters}


def means(scores: AnswerScores) -> pd.DataFrame:
    """The mean of every method over each of `groups`, as `pelt_core.report.lines.means` draws them."""
    frames = [
        cells(scores, sets=sets).assign(heading=heading, line=lambda frame: frame["method"].map(method_name))
        for heading, sets in groups(scores).items()
    ]
    return pd.concat(frames, ignore_index=True)


def guesses(scores: AnswerScores, written: pd.DataFrame) -> dict[str, float]:
    """Heading -> what always giving the commonest letter scores, for the groups of letters."""
    letters = records.sets(scores, "letter")
    return {
        heading: records.majority(written, sets[0])
        for heading, sets in groups(scores).items()
        if sets[0] in letters and len(sets) == 1
    }


def comparisons(scores: AnswerScores) -> pd.DataFrame:
    """Each method less the base model, and each two methods, paired, with Holm's correction over all lines.

    Returns:
        Columns heading, line, first, second, method (for the colour), those of
        `pelt_core.report.reasoning.cells.difference`, p_holm and significant.
    """
    trained = [name for name in records.methods(scores) if name != BASE]
    pairs = [(TO_BASE, name, BASE) for name in trained]
    pairs += [(BETWEEN, later, earlier) for i, later in enumerate(trained) for earlier in trained[:i]]
    lines = [
        {"heading": heading, "line": f"{method_name(first)} − {method_name(second)}", "first": first, "second": second}
        | {"method": first}
        | difference(scores, {"method": first}, {"method": second})
        for heading, first, second in pairs
    ]
    columns = ["heading", "line", "first", "second", "method", "state", "seeds", "items", *TESTED]
    return with_holm(pd.DataFrame(lines, columns=columns))


def between(frame: pd.DataFrame) -> pd.DataFrame:
    """The `comparisons` of two methods for a figure: what is taken away stands under a heading of the other."""
    own = frame[frame["heading"] == BETWEEN]
    headings, lines = own["first"].map(method_name) + " less …", own["second"].map(method_name)
    return own.assign(heading=headings, line=lines).reset_index(drop=True)


def comparison_table(loss: pd.DataFrame, accuracy: pd.DataFrame) -> pd.DataFrame:
    """The same comparisons by both measures, for the page."""
    return pd.DataFrame(
        {
            "Comparison": lost.line,
            "Loss, nats per token": in_cell(lost, "{:+.4f}"),
            "p, Holm (loss)": p_value(lost.p_holm),
            "Accuracy, points": in_cell(right, "{:+.1f}"),
            "p, Holm (accuracy)": p_value(right.p_holm),
            "Seeds": f"{lost.seeds}",
        }
        for lost, right in zip(loss.itertuples(), accuracy.itertuples(), strict=True)
    )


def slips(scores: AnswerScores, written: pd.DataFrame) -> pd.DataFrame:
    """How many wrong numbers are only miscalculated: a line a method.

    Returns:
        Columns method, wrong (how many numbers are wrong, over all seeds), slips (how many of them), and right and
        redone: the frames' lines of both shares, see `pelt_core.report.reasoning.records.shares`.
    """
    numbers = written[written["set"].isin(records.sets(scores, "number"))]
    either = numbers["correct"] | numbers["redone"]
    right = records.shares(scores, numbers, numbers["correct"])
    redone = records.shares(scores, numbers, either)
    lines = []
    for one, other in zip(right.itertuples(), redone.itertuples(), strict=True):
        own = numbers["method"] == one.method
        wrong = own & ~numbers["correct"]
        lines.append(
            {"method": one.method, "wrong": int(wrong.sum()), "slips": int((wrong & either).sum())}
            | {"right": one, "redone": other}
        )
    return pd.DataFrame(lines)


def slip_table(frame: pd.DataFrame) -> pd.DataFrame:
    """`slips` for the page."""
    return pd.DataFrame(
        {
            "Method": method_name(one.method),
            "Right as written": in_cell(one.right, "{:.1f}"),
            "Right as written or computed by us": in_cell(one.redone, "{:.1f}"),
            "Wrong answers that are slips": f"{one.slips:,} of {one.wrong:,}" if one.wrong else one.right.state,
        }
        for one in frame.itertuples()
    )


def beside_published(scores: AnswerScores) -> pd.DataFrame:
    """The paper's table, as it was first published and corrected, with our accuracies in its last lines."""
    accuracy = scores.by("accuracy")
    first, corrected = (
        "Mean but for MAWPS, as first published",
        f"Mean with MAWPS of {_named(published.SHARED)}, corrected",
    )
    columns = {set_name(name): by_name(cells(accuracy, sets=(name,))) for name in accuracy.tasks}
    columns |= {first: by_name(cells(accuracy))}
    ours = [
        {"Backbone": backbone_name(scores.runs[0].backbone), "Method": method_name(name)}
        | {title: _mean(found[name]) for title, found in columns.items()}
        for name in records.methods(scores)
    ]
    sets = ["multiarith", "addsub", "singleeq", *published.SHARED, "mawps"]
    return published.table({published.FIRST: first, published.CORRECTED: corrected}, sets, ours)


def orders(scores: AnswerScores) -> dict[str, Mapping[str, Any]]:
    """How our order of the methods agrees with each published one: heading of a column -> backbone -> correlation."""
    accuracy, loss = scores.by("accuracy"), scores.by("loss")
    on_all, on_shared = (f"our accuracy on {_named(sets)}" for sets in (accuracy.tasks, shared(accuracy)))
    ours = (
        (f"First published and {on_all}", published.FIRST, _order(accuracy, ())),
        (f"Corrected and {on_shared}", published.CORRECTED, _order(accuracy, shared(accuracy))),
        (f"Corrected and our answer loss on {_named(loss.tasks)}", published.CORRECTED, -_order(loss, ())),
    )
    return {title: published.agreement(name, own) for title, name, own in ours}


def shared(scores: AnswerScores) -> list[str]:
    """The sets that were neither withdrawn by the authors nor left out by us; all of a grid that has none of them."""
    return [name for name in published.SHARED if name in scores.tasks] or scores.tasks


def _named(sets: Sequence[str]) -> str:
    return listed(map(set_name, sets)) if len(sets) < 4 else counted(len(sets), "set")


def order_table(found: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """`orders` for the page: a line a published backbone."""
    backbones = next(iter(found.values()))
    return pd.DataFrame(
        {"Backbone": name} | {title: published.said(own[name]) for title, own in found.items()} for name in backbones
    )


def _order(scores: AnswerScores, sets: Sequence[str]) -> pd.Series:
    return published.own_lines(scores, sets).set_index("method")["mean"]


def _mean(one: Any) -> str:
    return one.state or f"{one.mean:.1f}"
