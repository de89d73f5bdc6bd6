"""What the runs of a study of answers cannot say, with the numbers that set the limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd
from IPython.display import Markdown

from pelt_core import specification
from pelt_core.report.limits import of_seeds
from pelt_core.report.names import backbone_name, backbone_summary, method_name
from pelt_core.report.reasoning import placement
from pelt_core.report.reasoning.rates import Tried
from pelt_core.report.reasoning.state import mix
from pelt_core.report.words import counted, listed
from pelt_core.study.answer_scores import AnswerScores
from pelt_core.study.grids import grid


def limits(scores: AnswerScores, differing: pd.DataFrame | None, more: Sequence[str] = ()) -> Markdown:
    """One point a limit.

    Args:
        scores: of the study.
        differing: its paired differences, with detectable; None for a page that has none.
        more: points of this study alone.
    """
    resolution = [] if differing is None else _resolution(scores, differing)
    points = [*_scale(scores), *resolution, *more, *_rates(scores), of_seeds(scores)]
    return Markdown("\n".join(f"- {point}" for point in points))


def pilot(scores: AnswerScores) -> Iterator[str]:
    """Which learning rates come from a pilot, those of the placement study."""
    known = {(run.backbone, run.method, run.learning_rate) for run in grid(placement.STUDY, "laptop") if run.trains}
    theirs = [run.method for run in scores.runs if (run.backbone, run.method, run.learning_rate) in known]
    if kinds := dict.fromkeys(method_name(specification.parse(method).terms[0].name) for method in theirs):
        yield (
            f"The rates of {listed(kinds)} were chosen among few values on a short pilot, partly on evaluation "
            "questions, which may flatter these cells."
        )


def searched(scores: AnswerScores, tried: Mapping[str, Tried]) -> str:
    """What the search found for single modules of the kinds that a study trains, beside the rates that it uses.

    Args:
        scores: of the study.
        tried: of the search, see `pelt_core.report.reasoning.rates.tried`.
    """
    backbone = backbone_name(scores.runs[0].backbone)
    used: dict[str, dict[float, None]] = {}
    for run in scores.runs:
        if run.trains and len(terms := specification.parse(run.method).terms) == 1:
            used.setdefault(terms[0].name, {})[run.learning_rate] = None
    best = {kind: one.best for kind in used if (one := tried.get(kind)) and one.best is not None}
    if not best:
        return (
            f"No search for rates of these modules on {backbone} is recorded under this preset: what does badly here "
            "may only have the wrong rate."
        )
    found = "; ".join(
        f"for {method_name(kind)} {rate:g} of {counted(len(tried[kind].rates), 'rate')}, "
        + ("the one used here" if list(used[kind]) == [rate] else f"here {listed(f'{one:g}' for one in used[kind])}")
        for kind, rate in best.items()
    )
    lacking = listed(method_name(kind) for kind in used if kind not in best)
    unsearched = f" None is recorded for {lacking}, which may only have the wrong rate." if lacking else ""
    return (
        f"The [search](answer-recipe) on {backbone}, with other questions and one module of each kind, found "
        f"best {found}.{unsearched}"
    )


def _scale(scores: AnswerScores) -> Iterator[str]:
    trained = [run for run in scores.runs if run.trains]
    backbones = listed(dict.fromkeys(backbone_summary(run.backbone) for run in trained))
    mixes = listed(dict.fromkeys(mix(run.train) for run in trained))
    passes = listed(dict.fromkeys(counted(run.epochs, "epoch") for run in trained))
    yield (
        f"**Scale.** There is one backbone ({backbones}), trained for {passes} on {mixes}. A verdict here is "
        "about the claim at this size; what was measured at the published size stands."
    )
    if scores.measure == "loss":
        yield (
            "**Loss, not accuracy.** Cells are compared by the loss of worked answers that they did not train on, "
            "which tells more of each question than whether its answer comes out right. It says how probable a right "
            "solution is, not how often the model finds it."
        )


def _resolution(scores: AnswerScores, differing: pd.DataFrame) -> Iterator[str]:
    known = differing["detectable"].dropna()
    if len(known):
        size = f"{known.median():.3f} nats per token" if scores.measure == "loss" else f"{known.median():.1f} points"
        yield (
            "**Resolution.** The smallest true difference that this design would show in four of five repetitions is "
            f"{size}, the median over the comparisons, before Holm's correction. What is not told apart may differ by "
            "less than that."
        )


def _rates(scores: AnswerScores) -> Iterator[str]:
    trained = [run for run in scores.runs if run.trains]
    if len({(run.method, run.learning_rate) for run in trained}) > len({run.method for run in trained}):
        return  # a search, whose page says this itself
    rates: dict[str, set[float]] = {}
    for run in trained:
        kind = listed(method_name(term.name) for term in specification.parse(run.method).terms)
        rates.setdefault(kind, set()).add(run.learning_rate)
    several = [kind for kind, own in rates.items() if len(own) > 1]
    but = f" (but for {'; '.join(several)}: what else differs between these cells cannot be told from the rate)"
    yield (
        f"**Learning rates** are one for each kind of module, whatever its size{but if several else ''}; the page on "
        "the [search](answer-recipe) says which of them were searched so far. Another size, or another mix of rows, "
        "could prefer another rate."
    )
