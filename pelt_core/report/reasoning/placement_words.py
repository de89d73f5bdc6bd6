"""What the page on placement says of its numbers, and what they cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from IPython.display import Markdown

from pelt_core import specification
from pelt_core.data.clean import EVALUATION_SETS
from pelt_core.report import tables, words
from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import METHOD_NAMES, backbone_name, backbone_summary, set_name
from pelt_core.report.reasoning import arithmetic_words, placement, state
from pelt_core.report.reasoning.limits import pilot, searched
from pelt_core.report.reasoning.rates import Tried
from pelt_core.report.reasoning.sweeps import SIZE
from pelt_core.report.tables import interval
from pelt_core.report.told import in_cell, with_p
from pelt_core.report.words import counted, listed
from pelt_core.study.answer_scores import AnswerScores
from pelt_core.study.claims.judge import Judged
from pelt_core.study.claims.places import published_places
from pelt_core.study.claims.published import read
from pelt_core.study.places import placed

WHERE = {"attention": "the attention", "MLP": "the MLP", "both": "attention and MLP together"}
"""A place in a sentence."""


def beside_published(right: pd.DataFrame, scores: AnswerScores) -> Markdown:
    """Our accuracies beside those of the published best places, or why there is nothing to lay side by side.

    Args:
        right: accuracies, see `pelt_core.report.reasoning.placement.means`.
        scores: of the study.
    """
    if not _same_problems(scores):
        return Markdown(
            f"**Left out**: the published accuracies are on other problems than those asked here ({_asked(scores)})."
        )
    ours = {(one.method, one.place): in_cell(one, "{:.1f}") for one in right.itertuples()}
    places = list(dict.fromkeys(right.loc[right["place"] != "", "place"]))
    body = pd.DataFrame(
        {"Method": METHOD_NAMES[one.Index], "Best place, published": one.place, one.backbone: f"{one.value:.1f}"}
        | {f"Ours, {where}": ours.get((one.Index, where), "") for where in places}
        for one in published_places(read()).itertuples()
    )
    caption = (
        "Mean accuracy over the same sets, in points: published at the best place alone, and ours at each place, with "
        "intervals in brackets"
    )
    return Markdown(
        "The paper's figure shows only the best place of each method, without deviations. Our model and training rows "
        "are others: compare the order of the places, not the height.\n\n"
        + tables.table(body, "tab-placement-published", caption).data
    )


def reading(scores: AnswerScores, written: pd.DataFrame, losing: pd.DataFrame, judged: Sequence[Judged]) -> Markdown:
    """What the cells and the verdicts say: the base model first, then a paragraph a method, then guesses and form.

    Args:
        scores: of the study.
        written: see `pelt_core.report.reasoning.records.answers`.
        losing: differences in loss, see `pelt_core.report.reasoning.placement.comparisons`.
        judged: see `pelt_core.report.reasoning.placement.verdicts`.
    """
    loss, said = placement.means(scores.by("loss")), _said(judged)
    methods = published_places(read())["place"].items()
    return Markdown(
        "\n\n".join(
            [
                _against_base(loss),
                *(_of_method(str(method), where, loss, losing, said) for method, where in methods),
                *arithmetic_words.guessing(scores, written),
                *arithmetic_words.form(scores, written),
            ]
        )
    )


def facts(scores: AnswerScores, judged: Sequence[Judged]) -> dict[str, str]:
    """What other pages quote, as text.

    Args:
        scores: of the study.
        judged: see `pelt_core.report.reasoning.placement.verdicts`.
    """
    loss, right = (placement.means(scores.by(measure)) for measure in ("loss", "accuracy"))
    base, trained = _recorded(loss)
    lowest = min(trained, key=lambda one: one.mean, default=None)
    best = published_places(read())
    return {
        "backbone": backbone_name(scores.runs[0].backbone),
        "backbone_summary": backbone_summary(scores.runs[0].backbone),
        "seeds": counted(len(words.seeds(scores)), "seed"),
        "hours": words.hours(scores),
        "base_loss": f"{base.mean:.3f}" if base else NOT_RUN,
        "lowest_loss": f"{lowest.mean:.3f}" if lowest else NOT_RUN,
        "lowest_cell": _name(lowest) if lowest else NOT_RUN,
        "lowest_size": f"{_sizes(scores)[lowest.method, lowest.place]:,}" if lowest else NOT_RUN,
        "least_size": f"{min(_sizes(scores).values()):,}" if lowest else NOT_RUN,
        "accuracies": _range(right.loc[right["place"] != "", "mean"].dropna()),
        "published_accuracies": _range(best["value"]),
        "training": state.training(scores),
        **{f"place_{method}": WHERE[where] for method, where in best["place"].items()},
        **{
            f"{'accuracy_' * (measure == 'accuracy')}verdict_{method}": said
            for (method, measure), said in _said(judged).items()
        },
    }


def _sizes(scores: AnswerScores) -> dict[tuple[str, str], int]:
    """Kind of module and place -> trained parameters, of what is recorded."""
    own = {run.method: scores.rows[run.key]["trainable_parameters"] for run in scores.runs if run.key in scores.rows}
    return {where: own[spec] for where, spec in placed(scores.names).items() if where[1] and spec in own}


def limits(scores: AnswerScores, tried: Mapping[str, Tried], gaining: pd.DataFrame) -> list[str]:
    """The points of this study alone, see `pelt_core.report.reasoning.limits.limits`.

    Args:
        scores: of the study.
        tried: what the search for rates found on this backbone, see `pelt_core.report.reasoning.rates.tried`.
        gaining: differences in accuracy, see `pelt_core.report.reasoning.placement.comparisons`.
    """
    return [
        "**Unequal sizes.** Modules at both places have more parameters than at one (see the table). Where *both* "
        "wins, place and size cannot be told apart.",
        *_published_sizes(scores),
        " ".join(["**Place and rate.** A place could prefer another rate.", *pilot(scores), searched(scores, tried)]),
        "**Parallel adapters** sit beside whole sublayers, as in {cite:t}`he2022towards`. In the released code of "
        "LLM-Adapters the parallel adapter of the MLP is a pair of adapters, one beside each linear map.",
        *_problems(scores),
        *_accuracy(gaining),
        *arithmetic_words.floor(scores),
    ]


def _accuracy(gaining: pd.DataFrame) -> Iterator[str]:
    known = gaining["detectable"].dropna()
    if len(known):
        yield (
            f"**Accuracy is coarse.** Between places a difference of {known.median():.1f} points, the median over the "
            "comparisons, is the smallest that it would show in four of five repetitions, before Holm's correction."
        )


def _same_problems(scores: AnswerScores) -> bool:
    return set(scores.by("accuracy").tasks) == set(EVALUATION_SETS)


def _asked(scores: AnswerScores) -> str:
    return listed(map(set_name, scores.by("accuracy").tasks))


def _said(judged: Sequence[Judged]) -> dict[tuple[str, str], str]:
    """Method and measure -> the verdict, with what keeps it from being another."""
    return {
        (one.claim.test["method"], one.claim.test["measure"]): one.verdict
        + (f" ({'; '.join(one.finding.reasons)})" if one.finding.reasons else "")
        for one in judged
    }


def _recorded(loss: pd.DataFrame) -> tuple[Any, list[Any]]:
    """The base model, or None, and the trained cells, as far as they are recorded."""
    known = list(loss.dropna(subset="mean").itertuples())
    return next((one for one in known if not one.place), None), [one for one in known if one.place]


def _name(one: Any) -> str:
    return f"{METHOD_NAMES[one.method]} at {WHERE.get(one.place, one.place)}"


def _against_base(loss: pd.DataFrame) -> str:
    base, trained = _recorded(loss)
    if not trained:
        return "No trained cell is recorded yet: there is nothing to read."
    lowest = min(trained, key=lambda one: one.mean)
    said = f"The lowest answer loss belongs to {_name(lowest)}: {interval(lowest, '{:.3f}')} nats per token"
    if base:
        better = sum(one.high < base.low for one in trained)
        said += (
            f", where the base model has {interval(base, '{:.3f}')}. Of {counted(len(trained), 'trained cell')}, "
            f"{better} {'lies' if better == 1 else 'lie'} below the base model with the whole interval"
        )
    return f"{said}."


def _of_method(
    method: str, published: str, loss: pd.DataFrame, losing: pd.DataFrame, said: Mapping[tuple[str, str], str]
) -> str:
    own = [one for one in _recorded(loss)[1] if one.method == method]
    claim = f"**{METHOD_NAMES[method]}.** Published best: {WHERE[published]}. "
    claim += f"By answer loss: **{said[method, 'loss']}**"
    if not own:
        return f"{claim}."
    lowest = min(own, key=lambda one: one.mean).place
    pairs = losing[(losing["method"] == method) & (losing["state"] == "")].itertuples()
    compared = "; ".join(f"{one.line}: {with_p(one, '{:+.4f}')}" for one in pairs if published in one.places)
    return (
        f"{claim}; the lowest loss here is at {WHERE.get(lowest, lowest)}{f' ({compared})' if compared else ''}. By "
        f"accuracy: {said[method, 'accuracy']}."
    )


def _range(percents: pd.Series) -> str:
    return f"{percents.min():.1f} % to {percents.max():.1f} %" if len(percents) else NOT_RUN


def _published_sizes(scores: AnswerScores) -> Iterator[str]:
    ours = {}
    for spec in scores.names:
        (term,) = specification.parse(spec).terms
        if term.name in SIZE:
            ours[term.name] = f"{SIZE[term.name]}={dict(term.arguments)[SIZE[term.name]]}"
    said = [
        f"{METHOD_NAMES[one.Index]} `{one.size}`, here `{ours[one.Index]}`"
        for one in published_places(read()).itertuples()
        if one.Index in ours and one.size.partition("=")[2] != ours[one.Index].partition("=")[2]
    ]
    if said:
        yield f"**Modules of other sizes** than those of the published figure: {'; '.join(said)}."


def _problems(scores: AnswerScores) -> Iterator[str]:
    if any("mawps-clean" in run.train for run in scores.runs):
        yield (
            "**Training data.** Rows of MAWPS whose question occurs in an evaluation set were left out. The published "
            "figure was measured before that overlap was known."
        )
    if not _same_problems(scores):
        yield (
            f"**Other problems.** The published places were found on {listed(map(set_name, EVALUATION_SETS))}, and the "
            f"questions here are another set: {_asked(scores)}. A verdict here speaks of these alone."
        )
