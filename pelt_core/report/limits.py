"""What the runs of the placement study cannot say, with the numbers that set the limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from IPython.display import Markdown

from pelt_core.data.clean import EVALUATION_SETS
from pelt_core.report import answers, estimates, words
from pelt_core.report.names import METHOD_NAMES, backbone_name, backbone_summary, set_name
from pelt_core.report.rates import Tried
from pelt_core.report.results import Results
from pelt_core.study import statistics
from pelt_core.study.grids import grid
from pelt_core.study.places import place


def limits(
    results: Results,
    published: pd.DataFrame,
    loss: pd.DataFrame,
    accuracy: pd.DataFrame,
    tried: Mapping[str, Tried],
) -> Markdown:
    """One point a limit.

    Args:
        results: of the study.
        published: the paper's best places, see `pelt_core.report.claims.published_places`.
        loss: paired differences in answer loss, see `pelt_core.report.estimates.pairs`.
        accuracy: the same in accuracy.
        tried: what the search for rates found on this backbone, see `pelt_core.report.rates.tried`.
    """
    points = [
        _scale(results),
        _resolution(loss, accuracy),
        _sizes(results),
        _published_sizes(results, published),
        _rates(results, tried),
        "**Parallel adapters** sit beside whole sublayers, as in {cite:t}`he2022towards`. In the released code of "
        "LLM-Adapters the parallel adapter of the MLP is a pair of adapters, one beside each linear map.",
        *_data(results),
        *_problems(results),
        *_form(results),
        *_floor(results),
        of_seeds(results),
    ]
    return Markdown("\n".join(f"- {point}" for point in points))


def _scale(results: Results) -> str:
    run = results.trained[0].runs[0]
    return (
        f"**Scale.** The backbone is one model ({backbone_summary(run.backbone)}), and the training data "
        f"{words.training(results)}. "
        "A verdict here is about the claim at this size; what was measured at the size of the published figure stands."
    )


def _resolution(loss: pd.DataFrame, accuracy: pd.DataFrame) -> str:
    if loss["detectable"].isna().all():
        least = words.counted(estimates.LEAST_SEEDS, "seed")
        return f"**Resolution.** Unknown before two places of one method are recorded with {least}."
    nats, points = loss["detectable"].median(), 100 * accuracy["detectable"].median()
    return (
        "**Resolution.** The smallest true difference between two places that this design would show in four of "
        f"five repetitions is {nats:.3f} nats per token in answer loss and {points:.1f} points in accuracy "
        "(median over the comparisons, before Holm's correction). *Undecided* means that a difference may well be "
        "smaller than that, not that there is none."
    )


def _sizes(results: Results) -> str:
    ratios = []
    for method in dict.fromkeys(cell.method for cell in results.trained):
        rows = [row for cell in results.trained if cell.method == method and (row := results.row(cell))]
        counts = [row["trainable_parameters"] for row in rows]
        if len(counts) > 1:
            ratios.append(f"{max(counts) / min(counts):.1f} for {METHOD_NAMES[method]}")
    spread = f"; the largest place has, against the smallest, {words.listed(ratios)} times as many" if ratios else ""
    return (
        f"**Unequal sizes.** Modules at both places have more parameters than at one{spread}. Where *both* wins, place "
        "and size cannot be told apart."
    )


def _published_sizes(results: Results, published: pd.DataFrame) -> str:
    ours = {cell.method: words.module(cell.runs[0].method) for cell in results.trained}
    said = (
        f"{METHOD_NAMES[one.method]} `{one.size}`, here `{ours[one.method]}`"
        for one in published.itertuples()
        if one.method in ours
    )
    return f"**Modules of other sizes** than those of the published figure: {'; '.join(said)}."


def _rates(results: Results, tried: Mapping[str, Tried]) -> str:
    used: dict[str, set[float]] = {}
    for cell in results.trained:
        used.setdefault(cell.method, set()).update(run.learning_rate for run in cell.runs)
    several = [METHOD_NAMES[method] for method, rates in used.items() if len(rates) > 1]
    said = (
        f"**Learning rates** differ between the places of {words.listed(several)}, where place and rate cannot be told "
        "apart."
        if several
        else "**Learning rates** are the same at every place of a method, and a place could prefer another."
    )
    return " ".join([said, *_pilot(results), _search(results, used, tried)])


def _pilot(results: Results) -> Iterator[str]:
    pilot = grid("placement", "laptop")
    known, ours = (
        {(run.backbone, place(run.method), run.learning_rate) for run in runs} for runs in (pilot, results.runs)
    )
    if ours <= known:
        yield (
            "They were chosen among few values on a short pilot, partly on evaluation questions, which may flatter the "
            "trained cells."
        )


def _search(results: Results, used: Mapping[str, set[float]], tried: Mapping[str, Tried]) -> str:
    backbone = backbone_name(results.runs[0].backbone)
    best = {method: one.best for method in used if (one := tried.get(method)) and one.best is not None}
    if not best:
        return (
            f"No search for rates of these modules on {backbone} is recorded under this preset: what does badly here "
            "may only have the wrong rate."
        )
    found = "; ".join(
        f"for {METHOD_NAMES[method]} {rate:g} of {words.counted(len(tried[method].rates), 'rate')}, "
        + (
            "the one used here"
            if used[method] == {rate}
            else f"here {words.listed(f'{one:g}' for one in sorted(used[method]))}"
        )
        for method, rate in best.items()
    )
    lacking = words.listed(METHOD_NAMES[method] for method in used if method not in best)
    unsearched = f" None is recorded for {lacking}, which may only have the wrong rate." if lacking else ""
    return (
        f"The [search](answer-recipe) on {backbone}, with other questions and one module of each kind, found "
        f"best {found}.{unsearched}"
    )


def _problems(results: Results) -> Iterator[str]:
    if not published_sets(results):
        asked = words.listed(map(set_name, results.sets("correct")))
        yield (
            f"**Other problems.** The published places were found on {words.listed(map(set_name, EVALUATION_SETS))}, "
            f"and the questions here are another set: {asked}. A verdict here speaks of these alone."
        )


def published_sets(results: Results) -> list[str]:
    """The data sets of the published figure that the study answers."""
    return [name for name in results.sets("correct") if name in EVALUATION_SETS]


def _form(results: Results) -> Iterator[str]:
    frame = answers.form(results).dropna()
    base, trained = frame[frame["method"] == "none"], frame[frame["method"] != "none"]
    if base.empty or trained.empty:
        return
    stated = (
        f"{_percents(base['stated'])} of the base model's outputs and {_percents(trained['stated'])} of a trained "
        f'cell\'s hold the words "{answers.STATEMENT}"'
    )
    letters = "".join(
        f"; on {set_name(name)} no letter is found in {_percents(base[name])} of the base model's outputs and "
        f"{_percents(trained[name])} of a trained cell's"
        for name in answers.choice_sets(results)
    )
    yield (
        f"**Form.** {stated}{letters}. As far as these shares differ, a difference from the base model, "
        "up or down, is one of form, not of reasoning."
    )


def _percents(shares: pd.Series) -> str:
    low, high = (f"{100 * share:.0f} %" for share in (shares.min(), shares.max()))
    return low if low == high else f"{low} to {high}"


def _data(results: Results) -> Iterator[str]:
    if any("mawps-clean" in cell.runs[0].train for cell in results.trained):
        yield (
            "**Training data.** Rows of MAWPS whose question occurs in an evaluation set were left out. The published "
            "figure was measured before that overlap was known."
        )
    for name in results.sets("correct"):
        if estimates.is_choice(name) and np.isfinite(results.majority(name)):
            yield (
                f"**Chance.** Always naming the commonest letter scores {100 * results.majority(name):.1f} % on "
                f"{set_name(name)}; a cell near that has learned to name letters, one below not even that."
            )


def _floor(results: Results) -> Iterator[str]:
    means = {name: estimates.by_cell(results, "correct", (name,))["mean"] for name in results.sets("correct")}
    empty = {set_name(name): int((found == 0).sum()) for name, found in means.items() if (found == 0).any()}
    if empty:
        said = words.listed(f"{words.counted(number, 'cell')} on {name}" for name, number in empty.items())
        yield (
            f"**Floor.** No question at all is solved by {said}: there an interval has no width, although "
            "more questions could well be solved now and then."
        )


def of_seeds(results: words.Recorded) -> str:
    """How far the seeds that are recorded carry an interval and a verdict."""
    found = words.seeds(results)
    if len(found) < 2:
        return (
            "**Seeds.** With fewer than two, no interval knows how much a result moves from seed to seed: there is no "
            "p-value and no verdict."
        )
    simulated = ""
    if len(found) in statistics.COVERAGE:
        least, most = (f"{100 * share:.0f}" for share in statistics.COVERAGE[len(found)])
        simulated = (
            f" In simulations from seeds that are all alike to seeds that differ far more than items do, such "
            f"intervals, meant to cover the truth in {100 * estimates.LEVEL:.0f} %, covered it in {least} to {most} % "
            "of the repetitions."
        )
    return (
        f"**Seeds.** There are {len(found)}. So few tell little of how much seeds differ, and intervals allow for "
        f"that: the more of a mean's uncertainty comes from the seeds, the wider they are.{simulated} P-values are "
        "those of the same intervals, and so a real difference may well stay undecided."
    )
