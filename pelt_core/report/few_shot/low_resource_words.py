"""What the page on UniPELT with few examples says: sentences, limits and facts for other pages, all computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from pelt_core.report import words
from pelt_core.report.few_shot import cells, gate_effect, limits
from pelt_core.report.few_shot.low_resource import sizes
from pelt_core.report.few_shot.published import low_resource
from pelt_core.report.few_shot.state import selected
from pelt_core.report.few_shot.upper_bound import CHOSEN
from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import backbone_name, method_name, task_name
from pelt_core.report.tables import interval
from pelt_core.report.tested import with_holm
from pelt_core.report.told import estimate
from pelt_core.report.words import counted, listed, marked
from pelt_core.study.scores import Scores


def reading(scores: Scores, averages: pd.DataFrame, bounds: pd.DataFrame, gates: pd.DataFrame) -> Markdown:
    """The findings in paragraphs: who leads, the upper bound, the gate, and the published cells that are no news.

    Args:
        scores: of the study.
        averages: see `pelt_core.report.few_shot.low_resource.averages`.
        bounds: see `pelt_core.report.few_shot.upper_bound.bounds`.
        gates: see `pelt_core.report.few_shot.gate_effect.pooled`.
    """
    if scores.table.empty:
        return Markdown("No run is recorded yet: there is nothing to read.")
    paragraphs = [*_leaders(scores, averages), *_bound(bounds), *_gate(gates)]
    return Markdown("\n\n".join(paragraphs))


def difference(one: Mapping[str, Any]) -> str:
    """A paired difference and what it allows to say, see `pelt_core.report.told.estimate`."""
    return estimate(SimpleNamespace(**one))


def _leaders(scores: Scores, averages: pd.DataFrame) -> Iterator[str]:
    for examples, own in averages.groupby("examples", sort=False):
        open_methods = marked(map(method_name, own.loc[own["mean"].isna(), "method"]))
        known = own[own["mean"].notna()].sort_values("mean", ascending=False).to_dict("records")
        if len(known) < 2:
            continue
        first, second = known[:2]
        yield (
            f"**With {examples:,} examples**, over {listed(map(task_name, first['tasks']))}, the highest mean belongs "
            f"to *{method_name(first['method'])}*: {interval(SimpleNamespace(**first), '{:.1f}')}, where the trivial "
            f"baseline has {first['baseline']:.1f}. It leads *{method_name(second['method'])}*, the next, by "
            f"{_lead(scores, known)}."
            f"{''.join(_beside(scores, [one['method'] for one in known], int(examples), first['tasks']))}"
            + (f" Not run yet there, and so not compared: {open_methods}." if open_methods else "")
            + _published_best(int(examples), first["tasks"])
        )


def _lead(scores: Scores, ranked: list[dict[str, Any]]) -> str:
    """The best of some `averages` less the second, without a test: they were picked by the scores that it tests."""
    first, second = ranked[:2]
    sides = {"method": first["method"]}, {"method": second["method"]}
    found = cells.difference(scores, *sides, examples=first["examples"], task=first["tasks"])
    return f"{interval(SimpleNamespace(**found), '{:+.1f}')} points"


def _beside(scores: Scores, methods: list[str], examples: int, tasks: list[str]) -> Iterator[str]:
    """Which methods lie above and below a combination with a tested difference; nothing where none is tested."""
    for name in (one for one in ("apl", "ap") if one in methods):
        others = [other for other in methods if other != name]
        gaps = with_holm(
            pd.DataFrame(
                cells.difference(scores, {"method": other}, {"method": name}, examples=examples, task=tasks)
                for other in others
            )
        )
        if tested := int(gaps["p"].notna().sum()):
            told = gaps.assign(line=list(map(method_name, others)))[gaps["significant"]]
            above, below = (marked(told.loc[sign * told["mean"] > 0, "line"]) or "none" for sign in (1, -1))
            yield (
                f" Of {counted(tested, 'method')} compared with *{method_name(name)}*, these differ significantly "
                f"after Holm's correction: better {above}, worse {below}."
            )


def _published_best(examples: int, tasks: Sequence[str]) -> str:
    """Who leads in the paper, over its own tasks and over those of ours."""
    paper = low_resource(examples)["value"].unstack("task")
    if paper.empty or not set(tasks) <= set(paper.columns):
        return ""
    here = paper[list(tasks)].mean(axis=1)
    (whole, most), (own, value) = ((method_name(str(s.idxmax())), s.max()) for s in (paper["avg"], here))
    every = len(paper.columns) - 1  # all but the average
    return (
        f" In the paper, {whole} leads over its {every} tasks with {most:.2f}, and {own} over these with {value:.2f}."
    )


def _bound(bounds: pd.DataFrame) -> Iterator[str]:
    known = _in_practice(bounds)
    if known:
        parts = (f"{method_name(o['method'])} with {o['examples']:,} examples {difference(o)}" for o in known)
        yield (
            f"**Against the best part**, chosen {CHOSEN['dev_score']}, a combination is ahead where the difference is "
            f"positive: {'; '.join(parts)}."
        )


def _in_practice(bounds: pd.DataFrame) -> list[dict[str, Any]]:
    """The recorded differences from the part that one would have chosen, corrected together."""
    own = bounds[bounds["by"] == "dev_score"]
    return with_holm(own[own["state"] == ""]).to_dict("records")


def _gate(gates: pd.DataFrame) -> Iterator[str]:
    for one in gates[(gates["size"] == gate_effect.POOLED) & (gates["state"] == "")].to_dict("records"):
        reach = f" Tested alone, an effect of {one['detectable']:.1f} points would show in four of five such studies."
        yield (
            f"**The gate's effect** in {method_name(one['method'])}, pooled over {counted(len(one['tasks']), 'task')} "
            f"and {counted(one['seeds'], 'seed')}, with {one['examples']} examples, is {difference(one)}."
            f"{reach if np.isfinite(one['detectable']) else ''}"
        )


def limit_points(scores: Scores, signal: Scores) -> Markdown:
    """One point a limit.

    Args:
        scores: of the study.
        signal: of the study glue-signal.
    """
    points = [
        *limits.common(scores),
        *limits.without_signal(signal, scores),
        *_at_a_guess(scores),
        _epochs(scores),
        *_budget(scores),
        "**Selection.** The upper bound by test scores takes the highest of several uncertain means and so is too "
        "high, the more so the fewer seeds there are; the paper's is of this kind. The one by development scores is "
        "not.",
        "**The published deviations** are between five shuffles. The paper has no records of single items, so that no "
        "interval of a published difference can be computed.",
    ]
    return Markdown("\n".join(f"- {point}" for point in points))


def _at_a_guess(scores: Scores) -> Iterator[str]:
    for point in limits.at_a_guess(scores):
        yield f"{point} So do the means, bounds and pooled effects of this page; its tables of tasks do not."


def _epochs(scores: Scores) -> str:
    said = {run.examples: counted(run.epochs, "epoch") for run in scores.runs}
    ours = listed(f"{epochs} over {examples:,} rows" for examples, epochs in said.items())
    return (
        f"**Shorter training** than the paper's: here {ours}, with the best epoch chosen among them. A method that "
        "learns slowly may be undertrained."
    )


def _budget(scores: Scores) -> Iterator[str]:
    """The paper's tasks and how many shuffles of each have every method in the grid, where that is not the same."""
    every = {run.method for run in scores.runs}
    said = []
    for examples in sizes(scores):
        paper = low_resource(examples).index.get_level_values("task").unique().drop("avg", errors="ignore")
        planned: dict[int, list[str]] = {}
        for name in paper:
            methods: dict[int, set[str]] = {}
            for run in selected(scores, task=name, examples=examples):
                methods.setdefault(run.seed, set()).add(run.method)
            planned.setdefault(sum(own == every for own in methods.values()), []).append(task_name(name))
        if len(planned) > 1:
            parts = (f"{number or 'none'} on {listed(planned[number])}" for number in sorted(planned, reverse=True))
            said.append(f"with {examples:,} examples {', '.join(parts)}")
    if said:
        yield (
            f"**What the budget leaves out.** Shuffles on which every method is to be trained: {'; '.join(said)}. "
            "Where there are none, some methods may be trained for one comparison; nothing stands in for the others."
        )


def facts(scores: Scores, averages: pd.DataFrame, bounds: pd.DataFrame, gates: pd.DataFrame) -> dict[str, str]:
    """What other pages quote, as text; arguments as of `reading`."""
    found = {
        "backbone": backbone_name(scores.runs[0].backbone),
        "recorded": f"{len(scores.rows):,} of {len(scores.runs):,}",
        "seeds": counted(len(words.seeds(scores)), "seed"),
        "hours": words.hours(scores),
    }
    for examples in sizes(scores):
        own = averages[averages["examples"] == examples].sort_values("mean", ascending=False)
        whole = own["mean"].notna().all() and len(own) > 1
        ranked = own.to_dict("records") if whole else []
        found[f"best_{examples}"] = method_name(ranked[0]["method"]) if ranked else NOT_RUN
        found[f"tasks_{examples}"] = listed(map(task_name, ranked[0]["tasks"])) if ranked else NOT_RUN
        found[f"lead_{examples}"] = _lead(scores, ranked) if ranked else NOT_RUN
    for one in gates[gates["size"] == gate_effect.POOLED].to_dict("records"):
        over = f", with {one['examples']} examples on {listed(map(task_name, one['tasks']))}"
        found[f"gate_{one['method']}"] = one["state"] or f"{difference(one)}{over}"
    chosen = {(one["method"], one["examples"]): difference(one) for one in _in_practice(bounds)}
    for one in bounds[bounds["by"] == "dev_score"].itertuples():
        found[f"bound_{one.method}_{one.examples}"] = one.state or chosen[one.method, one.examples]
    return found
