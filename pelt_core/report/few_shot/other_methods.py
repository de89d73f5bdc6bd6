"""The page on other methods: each at its best learning rate, at about as many trained parameters as the adapter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from IPython.display import Markdown

from pelt_core.methods import METHODS
from pelt_core.report.few_shot import limits as common
from pelt_core.report.few_shot import rates
from pelt_core.report.few_shot.cells import cells, difference, recorded_tasks
from pelt_core.report.few_shot.tasks import column, trivial
from pelt_core.report.names import method_name, task_name
from pelt_core.report.tables import interval
from pelt_core.report.tested import with_holm
from pelt_core.report.told import in_cell, with_p
from pelt_core.report.words import counted, listed, marked
from pelt_core.specification import parse
from pelt_core.study.rank_correlation import LEAST_PAIRS, spearman
from pelt_core.study.scores import Scores
from pelt_core.study.sizes import kept, size
from pelt_core.study.statistics import BadRecords

REFERENCE = "lora-24"
"""The method that the others are compared with: LoRA at the adapter's size."""
MEASURE = "adapter"
"""The method whose number of parameters the others should have."""
FACTOR = 1.5
"""So far apart are comparable sizes at most."""
OUTSIDE = ("head", "full")
"""Not of a size that can be chosen: the floor and the ceiling."""


def sizes(scores: Scores) -> pd.DataFrame:
    """What each method trains, and what it keeps of that, without the head; counted on the backbone without weights.

    Returns:
        By method: specification, parameters, kept, ratio and kept_ratio (to the parameters of `MEASURE`; NaN where the
        study lacks it), comparable: whether one of these ratios is within `FACTOR`.
    """
    runs = {scores.names[run.method]: run for run in scores.runs}
    frame = pd.DataFrame(
        [(name, run.method, size(run).own, kept(run)) for name, run in runs.items()],
        columns=["method", "specification", "parameters", "kept"],
    ).set_index("method")
    measure = frame["parameters"].get(MEASURE, float("nan"))
    frame = frame.assign(ratio=frame["parameters"] / measure, kept_ratio=frame["kept"] / measure)
    near = frame[["ratio", "kept_ratio"]].apply(lambda own: own.between(1 / FACTOR, FACTOR))
    return frame.assign(comparable=near.any(axis=1))


def band(scores: Scores) -> tuple[float, float]:
    """The least and the greatest number of parameters that is comparable; NaN where the study lacks `MEASURE`."""
    adapter = sizes(scores)["parameters"].get(MEASURE, float("nan"))
    return adapter / FACTOR, adapter * FACTOR


def averages(scores: Scores, chosen: pd.DataFrame) -> pd.DataFrame:
    """The mean of every method over the tasks that all recorded methods have, at the chosen rates.

    Returns:
        The columns of `pelt_core.report.few_shot.cells.cells` by method and of `sizes`, and tasks: which the mean is
        over. NaN is the mean of a method without runs.
    """
    own = rates.keys(chosen)
    tasks = recorded_tasks(scores, key=own)
    frame = cells(scores, ("method",), key=own, **({"task": tasks} if tasks else {}))
    return frame.assign(tasks=[tasks] * len(frame)).merge(sizes(scores).reset_index(), on="method")


def labels(mean: pd.DataFrame) -> tuple[str, str]:
    """Of the axes of the figure of sizes: parameters, and the tasks of the mean.

    Args:
        mean: as `averages` gives it.
    """
    over = mean["tasks"].iloc[0]
    return "trained parameters, head left out", f"score, mean of {_over(over)}, points" if over else "score, points"


def _over(tasks: Sequence[str]) -> str:
    return listed(map(task_name, tasks))


def differences(scores: Scores, chosen: pd.DataFrame) -> pd.DataFrame:
    """Each method − `REFERENCE`, paired by item and seed, the tasks that both have counting the same.

    Returns:
        Columns method, those of `pelt_core.report.few_shot.cells.difference`, p_holm, significant, and for the figure
        heading (comparable in size or not) and line (the name).
    """
    names = dict.fromkeys(scores.names[run.method] for run in scores.runs)
    lines = [
        {"method": name} | difference(scores, {"method": name}, {"method": REFERENCE}, key=rates.keys(chosen))
        for name in names
        if name != REFERENCE
    ]
    own = sizes(scores)["comparable"]
    headings = {name: "of comparable size" if own[name] else "of another size" for name in names}
    frame = with_holm(pd.DataFrame(lines))
    frame = frame.assign(heading=frame["method"].map(headings), line=frame["method"].map(method_name))
    return frame.sort_values("heading", ascending=False, kind="stable", ignore_index=True)


def table(scores: Scores, found: pd.DataFrame, against: pd.DataFrame) -> pd.DataFrame:
    """The page's table.

    Args:
        scores: of the study.
        found: as `pelt_core.report.few_shot.tasks.by_task` gives it, at the chosen rates.
        against: as `differences` gives it.
    """
    every, said = sizes(scores), {one.method: _against(one, found) for one in against.itertuples()}
    lines = []
    for name, own in found.groupby("method", sort=False):
        line = {
            "Method": method_name(str(name)),
            "Trained": f"{every.loc[name, 'parameters']:,}",
            "Kept": f"{every.loc[name, 'kept']:,}",
            "Trained, × adapter": f"{every.loc[name, 'ratio']:.2f}",
        }
        for one in own.itertuples():
            line[column(str(one.task))] = in_cell(one, "{:.1f}")
        line[f"− {method_name(REFERENCE)}"] = said.get(name, "")
        lines.append(line | {"Module": f"`{every.loc[name, 'specification']}`"})
    return pd.DataFrame([*lines, trivial(scores)]).fillna("")


def _against(one: Any, found: pd.DataFrame) -> str:
    if one.state:
        return str(one.state)
    only = f" ({listed(map(task_name, one.tasks))} only)" if len(one.tasks) < found["task"].nunique() else ""
    return f"{with_p(one, '{:+.1f}')}{only}"


def reading(mean: pd.DataFrame, against: pd.DataFrame, chosen: pd.DataFrame) -> Markdown:
    """What the numbers say, in sentences.

    Args:
        mean: as `averages` gives it.
        against: as `differences` gives it.
        chosen: as `pelt_core.report.few_shot.rates.best` gives it.
    """
    known = mean[mean["mean"].notna() & ~mean["method"].isin(OUTSIDE)]
    if known.empty:
        return Markdown("There is nothing to read yet: no task is recorded for all methods that have runs.")
    points = [
        *_order(known),
        *_differences(against, _reference_at_border(chosen)),
        *_with_size(known),
        *_edges(chosen),
        *_chosen_on(chosen),
    ]
    return Markdown("\n".join(f"- {point}" for point in points))


def _order(known: pd.DataFrame) -> Iterator[str]:
    ranked = known.sort_values("mean", ascending=False)
    lines = list(ranked.itertuples())
    first, last = lines[0], lines[-1]
    yield (
        f"On {_over(first.tasks)}, **{method_name(first.method)}** has the highest mean, "
        f"{interval(first, '{:.1f}')}, and *{method_name(last.method)}* the lowest, {interval(last, '{:.1f}')}, of the "
        f"{counted(len(known), 'method')} recorded there."
    )
    alike = ranked[ranked["comparable"]]
    if len(alike) > 1:
        best, worst = (method_name(alike["method"].iloc[place]) for place in (0, -1))
        yield (
            f"Among the {len(alike)} of comparable size the means span "
            f"{alike['mean'].max() - alike['mean'].min():.1f} points, from *{worst}* to *{best}*."
        )


def _differences(against: pd.DataFrame, border: str) -> Iterator[str]:
    reference, compared = method_name(REFERENCE), against[against["state"] == ""]
    if compared.empty:
        return
    if compared["p"].isna().all():
        above, below = ((compared["low"] > 0), (compared["high"] < 0))
        yield (
            f"Against {reference} the interval lies above zero for {_named(compared[above])} and below it for "
            f"{_named(compared[below])}. With one seed these intervals know only other test rows, not other samples of "
            f"training rows or other starts: **no verdict** follows.{border}"
        )
        return
    better, worse = (compared[compared["significant"] & (sign * compared["mean"] > 0)] for sign in (1, -1))
    yield (
        f"After Holm's correction over {counted(int(compared['p'].notna().sum()), 'comparison')}, better than "
        f"{reference}: {_named(better)}; worse: {_named(worse)}. All others are undecided at this scale.{border}"
    )


def _reference_at_border(chosen: pd.DataFrame) -> str:
    """A sentence on each task whose search found the reference best at an end, where better rates may lie beyond."""
    ends = chosen[(chosen["method"] == REFERENCE) & (chosen["edge"] != "")]
    return "".join(
        f" On {task_name(str(one.task))} *{method_name(REFERENCE)}* itself did best at the {one.edge} rate tried: a "
        "rate beyond might raise it and lower the differences from it."
        for one in ends.itertuples()
    )


def _named(frame: pd.DataFrame) -> str:
    return marked(map(method_name, frame["method"])) if len(frame) else "no method"


def _with_size(known: pd.DataFrame) -> Iterator[str]:
    if len(known) < LEAST_PAIRS:
        return
    try:
        found = spearman(known["parameters"], known["mean"])
    except BadRecords:  # all of one size
        return
    said = f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]".replace("-", "−")
    yield (
        f"More trained parameters go with a {'higher' if found.value > 0 else 'lower'} mean at a rank correlation of "
        f"{said} over {counted(found.pairs, 'method')}: methods and sizes are tangled here, so this describes the "
        "table and no law."
    )


def _edges(chosen: pd.DataFrame) -> Iterator[str]:
    searches = chosen[(chosen["tried"] > 1) & (chosen["recorded"] == chosen["tried"])]
    ends = searches[searches["edge"] != ""]
    if len(ends):
        yield (
            f"In {len(ends)} of {len(searches)} cases the best of the rates tried is the lowest or the highest one, so "
            f"that a rate beyond might do better still: {marked(map(method_name, dict.fromkeys(ends['method'])))}."
        )


def _chosen_on(chosen: pd.DataFrame) -> Iterator[str]:
    if searched := list(dict.fromkeys(chosen.loc[chosen["tried"] > 1, "task"])):
        yield (
            f"Rates are chosen here on {_over(searched)} alone. The page on [learning rates](glue-recipe) chooses them "
            "by the mean over all tasks of its search, so that the same method may have another rate there."
        )


def limits(scores: Scores) -> Markdown:
    """One point a limit: those of all such studies, without the one recipe, and sizes that cannot be had."""
    own = [
        "**Rates chosen on few development rows.** The best of a few rates on a small development set is partly luck; "
        "the score on test rows is not, as those had no say in it. Batch, epochs and the head's rate are the same for "
        "all methods, which may suit some better than others.",
        *_unequal(sizes(scores)),
        *_trained_otherwise(scores),
    ]
    shared = [point for point in common.common(scores) if point != common.RECIPE]
    return Markdown("\n".join(f"- {point}" for point in [*shared, *own]))


WHY = {
    "side": "whole heads are cut from the backbone's layers, and no number of them comes nearer",
    "ia3": "it has one vector a site, and no size to choose",
    "prompt": "that many virtual tokens do not fit beside the text",
    "diff": "it trains two numbers for every weight, of which it ships few",
    "lora": "the rank of UniPELT",
    "prefix": "the length of UniPELT, and an MLP writes it, which is trained too and not kept",
    "prefix-direct": "the length of UniPELT",
    "mam": "an MLP writes its prefix, which is trained too and not kept",
}
"""Why a method does not train a comparable number of parameters."""


def _unequal(every: pd.DataFrame) -> Iterator[str]:
    said = [
        f"*{method_name(str(one.Index))}* ({_times(one)}; {WHY[str(one.Index)]})"
        for one in every[~every["ratio"].between(1 / FACTOR, FACTOR)].itertuples()
        if one.Index in WHY
    ]
    if said:
        yield (
            f"**Sizes that differ.** These train more or fewer parameters than the adapter by over a factor of "
            f"{FACTOR:g}: {'; '.join(said)}. Where what is kept differs too, a difference to them is one of method and "
            "size."
        )


def _times(one: Any) -> str:
    kept = f", keeps {one.kept_ratio:.2f}" if one.kept != one.parameters else ""
    return f"trains {one.ratio:.2f} times as many{kept}"


def _trained_otherwise(scores: Scores) -> Iterator[str]:
    names = {term.name for run in scores.runs for term in parse(run.method).terms}
    if "diff" in names:
        yield (
            f"**Diff pruning** ({METHODS['diff'].equation}) is scored as trained, before it is pruned to the share of "
            "weights that it would ship: what pruning costs is not in its score."
        )
    if "adamix" in names:
        yield "**AdaMix** trains several experts and keeps their mean."
