"""What the page on the second decoder says: what differs besides the backbone, the reading, and its own limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from pelt_core.catalogue import BACKBONES
from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import method_name
from pelt_core.report.reasoning import published, state
from pelt_core.report.reasoning.second_decoder import (
    NEITHER,
    ONLY_FIRST,
    ONLY_SECOND,
    OPPOSITE,
    SAME,
    Decoders,
    pairs,
    tested,
)
from pelt_core.report.tables import interval
from pelt_core.report.words import counted, listed
from pelt_core.study.answer_scores import AnswerScores
from pelt_core.study.statistics import LEAST_SEEDS, LEVEL

NORMALISED_AFTER = ("gemma3_text",)
"""Architectures that normalise what a sublayer gives before it is added to its input."""


def unlike(both: Decoders) -> Markdown:
    """In what else than the backbone the runs of each study differ from those of this one, a point a study."""
    here = next(run for run in both.second.runs if run.trains)
    points = []
    for study, scores in both.first.items():
        there = next(run for run in scores.runs if run.trains)
        pair = {
            "training rows": [state.mix(run.train) for run in (there, here)],
            "batch size": [f"{run.batch_size}" for run in (there, here)],
            "epochs": [f"{run.epochs}" for run in (there, here)],
            "seeds": [listed(f"{seed}" for seed in _seeds(one)) for one in (scores, both.second)],
        }
        found = [f"{what} {one} there, {other} here" for what, (one, other) in pair.items() if one != other]
        found += _other_rates(scores, both.second)
        points.append(f"- [{study}]({study}): {'; '.join(found) or 'nothing'}.")
    first, second = both.names
    head = f"Each contrast on {second} has a counterpart on {first}. Besides the backbone, these differ in:"
    return Markdown("\n".join([head, "", *points]))


def _other_rates(there: AnswerScores, here: AnswerScores) -> list[str]:
    """The methods that both studies have, as far as they train them with other rates."""
    rates, ours = ({run.method: run.learning_rate for run in one.runs if run.trains} for one in (there, here))
    kinds = [there.names[method] for method in rates if ours.get(method, rates[method]) != rates[method]]
    return [f"the learning rates of {listed(map(method_name, kinds))}"] if kinds else []


def reading(both: Decoders, frame: pd.DataFrame, agreeing: pd.DataFrame) -> Markdown:
    """How many contrasts are the same on both, each heading's contrasts, and the orders, in sentences."""
    known = [(one, other, said) for one, other, said in pairs(frame) if not one.state and not other.state]
    if not known:
        return Markdown(f"There is nothing to read yet: no contrast is recorded on both decoders ({NOT_RUN}).")
    counts = [
        (how, sum(said == how for *_, said in known)) for how in (SAME, OPPOSITE, ONLY_FIRST, ONLY_SECOND, NEITHER)
    ]
    total = f"Of {counted(len(known), 'contrast')} that both decoders have, "
    same = sum(np.sign(one.mean) == np.sign(other.mean) for one, other, _ in known)
    summary = total + "; ".join(f"{number}: {how}" for how, number in counts if number)
    summary += f". The sign alone is the same in {same} of them."
    sides = {both.names[0]: [one for one, *_ in known], both.names[1]: [other for _, other, _ in known]}
    criteria = f"A difference is *clear* {'; '.join(f'on {name} {_criterion(own)}' for name, own in sides.items())}."
    if alone := [name for name, own in sides.items() if not all(map(tested, own))]:
        criteria += (
            f" What is clear on {listed(alone)} without a test is so for other questions, not for other training rows "
            "and another start, and among many such intervals some leave out zero by chance: no direction is settled "
            "by it."
        )
    if any(said in (ONLY_FIRST, ONLY_SECOND) for *_, said in known):
        criteria += (
            " Clear on one decoder and not on the other is no finding that they differ: the two differences are not "
            "tested against each other."
        )
    return Markdown("\n\n".join([summary, criteria, *_headings(both, known), *_orders(agreeing)]))


def _criterion(own: list[Any]) -> str:
    """By what the differences on one decoder are told from zero, see `second_decoder.clear`."""
    corrected = "where its p-value is small enough after Holm's correction over the contrasts on it"
    interval = f"where its {100 * LEVEL:.0f} % interval, not corrected, leaves out zero"
    if all(map(tested, own)):
        return corrected
    if not any(map(tested, own)):
        return f"{interval}, as there is no test with fewer than {counted(LEAST_SEEDS, 'seed')}"
    return f"{corrected} or, recorded with fewer than {counted(LEAST_SEEDS, 'seed')}, {interval}"


def _headings(both: Decoders, known: list[tuple[Any, Any, str]]) -> Iterator[str]:
    for heading in dict.fromkeys(one.heading for one, *_ in known):
        own = [
            f"{one.line}: {interval(one, '{:+.3f}')} on {both.names[0]}, {interval(other, '{:+.3f}')} on "
            f"{both.names[1]}, {said}"
            for one, other, said in known
            if one.heading == heading
        ]
        yield f"**{heading.removesuffix(' …')}.** {'; '.join(own)}."


def _orders(agreeing: pd.DataFrame) -> Iterator[str]:
    known = [one for one in agreeing.itertuples() if not isinstance(one.found, str)]
    if known:
        said = [f"{one.study}, {counted(one.methods, 'method')}: {published.said(one.found)}" for one in known]
        yield f"**Order.** Rank correlation of the losses on both decoders: {'; '.join(said)}."


def limits(both: Decoders) -> list[str]:
    """What this page alone cannot say, for `pelt_core.report.reasoning.limits.limits`."""
    first, second = both.names
    here = both.second.runs[0].backbone
    if here == next(iter(both.first.values())).runs[0].backbone:
        return [f"**One backbone.** This budget has {first} on both sides: the page shows that it works, no more."]
    points = [
        f"**Rates were not searched on this backbone.** {second} is trained with the rates that were found on {first}. "
        "A method that does badly here may only want another rate, and an order of methods may be one of their rates.",
        "**Two backbones are not a sample of backbones.** They differ in size, data, tokenizer and architecture at "
        "once, so that no one of these is shown to be the cause where a contrast differs. Losses are per token of each "
        "one's own tokenizer: signs and orders can be compared, sizes only roughly.",
    ]
    if here in BACKBONES and BACKBONES[here].architecture in NORMALISED_AFTER:
        points.append(
            f"**A normalisation behind.** {second} normalises what each sublayer gives. Adapters sit before that, in "
            "the sublayer, so that what they add is rescaled together with what the sublayer gives."
        )
    return points


def _seeds(scores: Any) -> list[int]:
    return sorted({run.seed for run in scores.runs if run.trains})
