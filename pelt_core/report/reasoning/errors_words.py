"""What the page on kinds of errors says of its numbers, and what they cannot say."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from IPython.display import Markdown

from pelt_core.report.names import method_name
from pelt_core.report.reasoning import records
from pelt_core.report.reasoning.errors import FORM, RIGHT
from pelt_core.report.words import counted, listed
from pelt_core.study.answer_scores import AnswerScores

BASE = "none"


def reading(scores: AnswerScores, found: pd.DataFrame, shares: pd.DataFrame) -> Markdown:
    """One point a question of the page.

    Args:
        scores: of the study.
        found: see `pelt_core.report.reasoning.errors.classified`.
        shares: see `pelt_core.report.reasoning.errors.shares`.
    """
    if found.empty:
        return Markdown("There is nothing to read yet: no run is recorded.")
    numbers = shares[(shares["heading"] == shares["heading"].iloc[0]) & shares["mean"].notna()]
    points = [
        *_commonest(numbers),
        *_trained(numbers),
        *_calculator(scores, found),
        *_reasons(scores, found),
        *_questions(scores, found),
    ]
    return Markdown("\n".join(f"- {point}" for point in points))


def _commonest(numbers: pd.DataFrame) -> Iterator[str]:
    wrong = numbers[numbers["kind"] != RIGHT]
    if wrong.empty:
        return
    top = wrong.loc[wrong.groupby("method", sort=False)["mean"].idxmax()]
    said = (
        f"*{name}* with {listed(f'{one.line} ({one.mean:.0f} %)' for one in own.itertuples())}"
        for name, own in top.groupby("kind", sort=False)
    )
    yield f"**The commonest error** in answers that are numbers is {listed(said)}."


def _trained(numbers: pd.DataFrame) -> Iterator[str]:
    base, trained = numbers[numbers["method"] == BASE], numbers[numbers["method"] != BASE]
    if base.empty or trained.empty:
        return
    right = trained[trained["kind"] == RIGHT]
    before, after = base.set_index("kind")["mean"], trained.groupby("kind", sort=False)["mean"].mean()
    said = (f"{name} {before[name]:.0f} to {after[name]:.0f} %" for name in before.index)
    yield (
        f"**What training changes**, from the base model to the mean of {counted(len(right), 'method')}: "
        f"{', '.join(said)}."
    )


def _calculator(scores: AnswerScores, found: pd.DataFrame) -> Iterator[str]:
    """What becomes of right numbers if each is replaced by what its last equation gives, where there is one."""
    redone, written = found["redone"].astype(bool), found["equation"].notna()
    right = found["kind"] == RIGHT
    chosen = {"right": right, "gained": ~right & redone, "lost": right & written & ~redone}
    numbers = records.sets(scores, "number")
    means = {
        name: records.shares(scores, found, one, numbers).set_index("method")["mean"] for name, one in chosen.items()
    }
    known = pd.DataFrame(means).dropna()
    if len(known):
        said = listed(
            f"*{method_name(one.Index)}* {one.right:.1f} to {one.right + one.gained - one.lost:.1f} % "
            f"({one.gained:.1f} gained, {one.lost:.1f} lost)"
            for one in known.itertuples()
        )
        yield (
            "**A calculator** that computes the last equation of each answer that has one, and answers what it gives, "
            f"would change the share of right numbers: {said}."
        )


def _reasons(scores: AnswerScores, found: pd.DataFrame) -> Iterator[str]:
    right = found[found["set"].isin(records.sets(scores, "number")) & (found["kind"] == RIGHT)]
    if len(right):
        lucky = right[~right["redone"].astype(bool)]
        yield (
            f"**Right for another reason.** Of {len(right):,} right numbers {len(lucky):,} do not follow from the last "
            f"equation: {int(lucky['equation'].isna().sum()):,} have none, and of the others it gives another number. "
            f"{int((~right['stated']).sum()):,} of the right ones were read out of outputs that never state an answer."
        )


def _questions(scores: AnswerScores, found: pd.DataFrame) -> Iterator[str]:
    """How far the methods solve the same questions, by the lowest seed."""
    own = found[found["seed"] == found["seed"].min()]
    solved = (own["kind"] == RIGHT).groupby([own["id"], own["method"]]).any().unstack().dropna()
    counts = solved.sum(axis=1)
    if solved.shape[1] > 1:
        alone = solved[counts == 1].sum()
        only = listed(f"*{method_name(name)}* {int(alone[name])}" for name in records.methods(scores) if name in alone)
        yield (
            f"**The same questions?** Of {len(solved):,} questions that {counted(solved.shape[1], 'method')} answered "
            f"with seed {own['seed'].min()}, {int((counts > 0).sum()):,} are right with some method and "
            f"{int((counts == solved.shape[1]).sum()):,} with all; right with one alone: {only}."
        )


def limits() -> list[str]:
    """The points of this page alone, see `pelt_core.report.reasoning.limits.limits`."""
    return [
        "**The last equation alone** is computed again, with the numbers that it has. A slip in an earlier step, whose "
        "result goes on into the last one, is counted as a wrong operation.",
        f"**{FORM.capitalize()}** holds unlike things: an output that never ends and is cut off, one that stops early, "
        "and one that gives its answer in other words than the training rows do. Its last number is read all the same, "
        "and if that is right, the answer counts as right, as in the published code.",
        "**No question is judged by hand.** Kinds are decided by rules, which a reader may disagree with; the outputs "
        "of all questions are in the ledger.",
    ]
