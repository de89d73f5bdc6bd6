"""The kind of error in each answer, and questions answered by every method side by side."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pelt_core import data
from pelt_core.report.names import method_name, set_name
from pelt_core.report.reasoning import records
from pelt_core.report.told import in_cell
from pelt_core.report.words import counted
from pelt_core.study.answer_scores import AnswerScores

RIGHT, SLIP, OPERATION = "right", "arithmetic slip", "wrong operation"
NO_EQUATION, FORM = "no equation", "no answer stated"
LETTER, NO_LETTER = "another letter", "no letter"
KINDS = {
    RIGHT: "the answer that is read is right, whatever is written before it",
    SLIP: "the last equation gives the right answer, but another number is written for it",
    OPERATION: "an answer is stated, and the last equation, computed by us, does not give the right one",
    NO_EQUATION: "a wrong number is stated without any equation, so that nothing can be computed again",
    FORM: "no number is found, or the output never says which one is its answer",
    LETTER: "of a question with choices, the letter of a wrong one",
    NO_LETTER: "of a question with choices, nothing or a number",
}
"""Every kind and when an answer is of it, in the order in which they are drawn."""
EXCERPT = 100
"""At most so many characters of an output are shown."""
DIGITS = 12
"""At most so many of a number: some outputs never end one."""


def kind(one: Any) -> str:
    """Which of `KINDS` an answer is.

    Args:
        one: a line of `pelt_core.report.reasoning.records.answers`.
    """
    if one.correct:
        return RIGHT
    if data.answer_kind(one.set) == "letter":
        return NO_LETTER if one.extracted is None else LETTER
    if one.redone:
        return SLIP
    if one.extracted is None or not one.stated:
        return FORM
    return NO_EQUATION if one.equation is None else OPERATION


def classified(written: pd.DataFrame) -> pd.DataFrame:
    """The answers with the column kind.

    Args:
        written: see `pelt_core.report.reasoning.records.answers`.
    """
    given = written.astype({"extracted": object, "equation": object})
    given = given.where(given.notna(), None)
    return written.assign(kind=[kind(one) for one in given.itertuples()])


def groups(scores: AnswerScores) -> dict[str, list[str]]:
    """Heading -> data sets: those with numbers, each counting the same, and those with letters, which err otherwise."""
    numbers, letters = (records.sets(scores, of) for of in ("number", "letter"))
    title = set_name(numbers[0]) if len(numbers) == 1 else f"Mean of {counted(len(numbers), 'set')} with numbers"
    return {title: numbers} | {set_name(name): [name] for name in letters}


def shares(scores: AnswerScores, found: pd.DataFrame) -> pd.DataFrame:
    """The share of every kind in the answers of each method, in points, and of all kinds up to it.

    Args:
        scores: of the study.
        found: as `classified` gives it.

    Returns:
        Columns heading, line, method, kind and those of `pelt_core.report.reasoning.cells.summary`; and edge, edge_low
        and edge_high, the share of this kind and all before it, with its interval.
    """
    frames = []
    for heading, sets in groups(scores).items():
        there = [name for name in KINDS if name in {RIGHT, *found.loc[found["set"].isin(sets), "kind"]}]
        for i, name in enumerate(there):
            own = records.shares(scores, found, found["kind"] == name, sets)
            upto = records.shares(scores, found, found["kind"].isin(there[: i + 1]), sets)
            edges = {"edge": upto["mean"], "edge_low": upto["low"], "edge_high": upto["high"]}
            frames.append(own.assign(heading=heading, line=own["method"].map(method_name), kind=name, **edges))
    return pd.concat(frames, ignore_index=True)


def table(found: pd.DataFrame) -> pd.DataFrame:
    """`shares` for the page: a line a group and method, a column a kind."""
    lines = []
    for (heading, line), own in found.groupby(["heading", "line"], sort=False):
        said = {one.kind.capitalize(): in_cell(one, "{:.1f}") for one in own.itertuples()}
        lines.append({"Questions": heading, "Method": line, **said})
    columns = ["Questions", "Method", *(name.capitalize() for name in KINDS if name in set(found["kind"]))]
    return pd.DataFrame(lines, columns=columns).fillna("")


def kinds() -> pd.DataFrame:
    """What every kind is, for the page."""
    return pd.DataFrame({"Kind": name.capitalize(), "An answer is so if": said} for name, said in KINDS.items())


def examples(found: pd.DataFrame, questions: int = 4) -> pd.DataFrame:
    """Questions that methods answer in the most different ways, at most one of a data set, by the lowest seed.

    Of those alike the ones that some method has right, then the first by their names: nobody picks them.

    Args:
        found: as `classified` gives it.
        questions: at most so many.

    Returns:
        Lines of `found`, question by question.
    """
    own = found[found["seed"] == found["seed"].min()]
    known = own.groupby(["set", "id"])["kind"].agg(["size", "nunique", lambda kinds: (kinds == RIGHT).any()])
    known.columns = ["answers", "kinds", "solved"]
    known = known[known["answers"] == known["answers"].max()].reset_index()
    order = known.sort_values(["kinds", "solved", "set", "id"], ascending=[False, False, True, True])
    chosen = order.drop_duplicates("set").head(questions)["id"]
    return pd.concat([own[own["id"] == name] for name in chosen]) if len(chosen) else own


def example_table(chosen: pd.DataFrame) -> pd.DataFrame:
    """`examples` for the page: how each output ends, what is read out of it, and the kind."""
    first = ~chosen.duplicated("id")
    body = [
        {
            "Question": f"`{one.id}`, right answer {one.gold}" if new else "",
            "Method": method_name(one.method),
            "Its output ends": f"`{excerpt(one.output)}`",
            "Read": "nothing" if pd.isna(one.extracted) else _shown(one.extracted),
            "Kind": one.kind,
        }
        for one, new in zip(chosen.itertuples(), first, strict=True)
    ]
    return pd.DataFrame(body, columns=["Question", "Method", "Its output ends", "Read", "Kind"])


def _shown(number: str) -> str:
    return number if len(number) <= DIGITS else f"{number[:DIGITS]}…"


def excerpt(output: str) -> str:
    """The last `EXCERPT` characters of a text at most, in one line, as a cell of a table can hold them as code."""
    text = " ".join(output.replace("`", "'").replace("|", "¦").split())
    return text if len(text) <= EXCERPT else f"… {text[2 - EXCERPT :].strip()}"
