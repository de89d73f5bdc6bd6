"""What the page on arithmetic says of its numbers, and what they cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import factorial
from typing import Any

import pandas as pd
from IPython.display import Markdown

from pelt_core.report.names import method_name, set_name
from pelt_core.report.reasoning import arithmetic, published, records
from pelt_core.report.reasoning.cells import cells
from pelt_core.report.reasoning.limits import pilot, searched
from pelt_core.report.reasoning.rates import Tried
from pelt_core.report.tables import interval
from pelt_core.report.words import counted, listed
from pelt_core.study.answer_scores import AnswerScores
from pelt_core.study.rank_correlation import spearman

ORIGINS = {"math10k-clean": ("gsm8k", "aqua", "mawps"), "mawps-clean": ("mawps",)}
"""The data sets that training data are made of."""


def reading(
    scores: AnswerScores,
    written: pd.DataFrame,
    loss: pd.DataFrame,
    accuracy: pd.DataFrame,
    orders: Mapping[str, Mapping[str, Any]],
) -> Markdown:
    """One point a question of the page.

    Args:
        scores: of the study.
        written: see `pelt_core.report.reasoning.records.answers`.
        loss: comparisons by loss, see `pelt_core.report.reasoning.arithmetic.comparisons`.
        accuracy: the same by accuracy.
        orders: see `pelt_core.report.reasoning.arithmetic.orders`.
    """
    if written.empty:
        return Markdown("There is nothing to read yet: no run is recorded.")
    points = [
        *_ranked(scores.by("loss"), loss, "answer loss", "{:.3f}", "nats per token"),
        *_ranked(scores.by("accuracy"), accuracy, "accuracy", "{:.1f}", "points"),
        *guessing(scores, written),
        *_slips(scores, written),
        *form(scores, written),
        _orders(orders),
    ]
    return Markdown("\n".join(f"- {point}" for point in points))


def _ranked(scores: AnswerScores, differing: pd.DataFrame, what: str, number: str, unit: str) -> Iterator[str]:
    heading = next(iter(arithmetic.groups(scores)))
    found = arithmetic.means(scores)
    known = found[(found["heading"] == heading) & found["mean"].notna() & (found["method"] != arithmetic.BASE)]
    if known.empty:
        return
    ranked = sorted(known.itertuples(), key=lambda one: -scores.how.sign * one.mean)
    best, worst = ranked[0], ranked[-1]
    text = f"Of {counted(len(ranked), 'trained method')} recorded, "
    if best.mean == worst.mean:
        text += f"all have the same {what}, {interval(best, number)} {unit}."
    else:
        text += f"{best.line} has the best {what}, {interval(best, number)} {unit}, and {worst.line} the worst, "
        text += f"{interval(worst, number)}."
    yield f"**{what.capitalize()}.** {text} {_tested(scores, differing)}"


def _tested(scores: AnswerScores, differing: pd.DataFrame) -> str:
    tested = differing[differing["p"].notna()]
    if tested.empty:
        return "Nothing is tested yet, as that takes a second seed."
    better = tested[tested["significant"] & (scores.how.sign * tested["mean"] > 0)]
    above = better[better["heading"] == arithmetic.TO_BASE]["first"]
    base = int((tested["heading"] == arithmetic.TO_BASE).sum())
    between = tested[(tested["heading"] == arithmetic.BETWEEN)]
    clear = between[between["significant"]]
    told = listed(_winner(scores, one) for one in clear.itertuples()) if len(clear) else "none"
    which = f" ({listed(map(method_name, above))})" if len(above) else ""
    return (
        f"After Holm's correction over {counted(len(tested), 'comparison')}, {len(above)} of {base} are better than "
        f"the base model{which}; of the {counted(len(between), 'pair')} of methods, told apart: {told}."
    )


def _winner(scores: AnswerScores, one: Any) -> str:
    pair = [method_name(one.first), method_name(one.second)]
    first, second = pair if scores.how.sign * one.mean > 0 else pair[::-1]
    return f"{first} before {second}"


def guessing(scores: AnswerScores, written: pd.DataFrame) -> Iterator[str]:
    """Which methods do better or worse than always giving the commonest letter, a point a set of letters."""
    accuracy = scores.by("accuracy")
    found = arithmetic.means(accuracy)
    for heading, guess in arithmetic.guesses(accuracy, written).items() if len(written) else ():
        own = found[(found["heading"] == heading) & found["mean"].notna()]
        above, below = own[own["low"] > guess]["line"], own[own["high"] < guess]["line"]
        yield (
            f"**{heading}.** Always giving the commonest letter scores {guess:.1f} points. With the whole interval "
            f"above that: {listed(above) or 'none'}; below it: {listed(below) or 'none'}. In "
            f"{_letterless(scores, written)} of the outputs no letter is found at all, which a guess would never leave "
            "out."
        )


def _letterless(scores: AnswerScores, written: pd.DataFrame) -> str:
    """`9 % (Base model) to 82 % (Series adapter)`."""
    letters = written[written["set"].isin(records.sets(scores, "letter"))]
    found = letters["extracted"].isna().groupby(letters["method"]).mean().sort_values()
    ends = (f"{100 * share:.0f} % ({method_name(str(name))})" for name, share in found.iloc[[0, -1]].items())
    return " to ".join(dict.fromkeys(ends))


def _slips(scores: AnswerScores, written: pd.DataFrame) -> Iterator[str]:
    found = arithmetic.slips(scores, written)
    known = found[found["wrong"] > 0]
    if known.empty:
        return
    share = {one.method: 100 * one.slips / one.wrong for one in known.itertuples()}
    least, most = min(share, key=share.__getitem__), max(share, key=share.__getitem__)
    yield (
        f"**Slips.** Of {known['wrong'].sum():,} wrong numbers {known['slips'].sum():,} are only miscalculated: the "
        f"last equation gives the right answer. From method to method that is {share[least]:.1f} % "
        f"({method_name(least)}) to {share[most]:.1f} % ({method_name(most)}) of what is wrong. The last "
        "equation of the others gives another number, or there is none; the page on [errors](errors) sorts them."
    )


def form(scores: AnswerScores, written: pd.DataFrame) -> Iterator[str]:
    """How many outputs say what their answer is, as a point, once the base model and a trained one are recorded."""
    found = records.shares(scores, written, written["stated"]).dropna(subset="mean")
    base, trained = found[found["method"] == arithmetic.BASE], found[found["method"] != arithmetic.BASE]
    if base.empty or trained.empty:
        return
    low, high = trained["mean"].min(), trained["mean"].max()
    yield (
        f"**Form.** The base model says what its answer is in {base['mean'].iloc[0]:.0f} % of its outputs, a trained "
        f"method in {low:.0f} to {high:.0f} %. As far as these differ, a gain in accuracy may be one of form."
    )


def _orders(orders: Mapping[str, Mapping[str, Any]]) -> str:
    methods = range(len(published.METHODS))
    same = spearman(list(methods), list(methods))
    said = (
        f"**The published order.** With {counted(len(methods), 'method')} a rank correlation gives almost no "
        f"information: there are {factorial(len(methods))} orders in all, and even the very same order has an interval "
        f"of {published.said(same)}."
    )
    known = {title: [one.value for one in own.values() if not isinstance(one, str)] for title, own in orders.items()}
    points = [
        f"{title[0].lower()}{title[1:]}, {min(values):.2f} to {max(values):.2f}".replace("-", "−")
        for title, values in known.items()
        if values
    ]
    states = {one for own in orders.values() for one in own.values() if isinstance(one, str)}
    if not points:
        return f"{said} Of ours there is no order: {listed(sorted(states))}."
    return f"{said} Over the published backbones it is: {'; '.join(points)}. None of this is a verdict."


def limits(scores: AnswerScores, tried: Mapping[str, Tried]) -> list[str]:
    """The points of this study alone, see `pelt_core.report.reasoning.limits.limits`.

    Args:
        scores: of the study.
        tried: what the search for rates found on this backbone, see `pelt_core.report.reasoning.rates.tried`.
    """
    return [
        "**Unequal sizes.** Each method is as large as is usual for it, so they train different numbers of parameters "
        "(see the table). Where a larger one wins, method and size cannot be told apart.",
        " ".join(["**Method and rate.**", *pilot(scores), searched(scores, tried)]),
        *_data(scores),
        *floor(scores),
    ]


def floor(scores: AnswerScores) -> Iterator[str]:
    """On which sets a cell solves no question at all, as a point of limits."""
    accuracy = scores.by("accuracy")
    empty = []
    for name in accuracy.tasks:
        means = cells(accuracy, sets=(name,)).set_index("method")["mean"]
        if (means == 0).any():
            unable = "any of them" if (means == 0).all() else listed(map(method_name, means.index[means == 0]))
            empty.append(f"{unable} on {set_name(name)}")
    if empty:
        yield (
            f"**Floor.** No question at all is solved by {'; by '.join(empty)}: there an interval has no width, "
            "although of more questions some could well be solved."
        )


def _data(scores: AnswerScores) -> Iterator[str]:
    sources = {part.partition(":")[0] for run in scores.runs if run.trains for part in run.train.split("+")}
    if any(name.endswith("-clean") for name in sources):
        yield (
            "**Other data than the paper's.** The published models learned from rationales that a far larger model "
            "wrote; ours are those that the data sets carry, many of them no more than an equation. Test problems that "
            "stand in the published training data were taken out of ours, so that the means as first published cannot "
            "be compared with ours, nor can their order."
        )
    origins = {origin for name in sources for origin in ORIGINS.get(name, (name,))}
    foreign = [name for name in scores.by("accuracy").tasks if name not in origins]
    if foreign:
        yield (
            f"**Other sets.** No training row is of {listed(map(set_name, foreign))}; MultiArith, AddSub and SingleEq "
            "are collections that MAWPS was put together from."
        )
