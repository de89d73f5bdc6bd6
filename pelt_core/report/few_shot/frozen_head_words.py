"""What the page on the frozen head says: lines of its figure, tables, sentences, limits and facts, all computed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from pelt_core.report import words
from pelt_core.report.few_shot import limits
from pelt_core.report.few_shot.frozen_head import (
    EXAMPLES,
    FROZEN,
    FROZEN_THERE,
    NEAR_PUBLISHED,
    OF_PAPER,
    STILL,
    TRAINED,
    collapses,
    in_pairs,
    telling,
)
from pelt_core.report.few_shot.over_runs import over_runs
from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import backbone_name, method_name, task_name
from pelt_core.report.tables import interval
from pelt_core.report.tested import with_holm
from pelt_core.report.told import estimate
from pelt_core.report.words import counted, listed, marked
from pelt_core.study.scores import POINTS, Scores

MOSTLY = 0.5
"""A cell of ours collapses if more than this share of its runs does."""
SHARES = ["frozen", "trained", "frozen_low", "trained_low", "frozen_runs", "trained_runs"]
"""Columns of `frozen_head.beside`."""
SPREAD = "what other shuffles of these tasks could give"
"""What an interval over runs of several tasks holds."""


def lines(scores: Scores) -> pd.DataFrame:
    """Frozen − trained of every method over all pairs of runs.

    Columns as `pelt_core.report.few_shot.figures.differences` takes them, and those of `over_runs` with p_holm.
    """
    found = with_holm(over_runs(telling(scores), "difference", ["method"]))
    every = pd.DataFrame({"method": list(dict.fromkeys(scores.names[run.method] for run in scores.runs))})
    frame = every.merge(found, "left")
    there = np.where(frame["method"].isin(FROZEN_THERE), FROZEN, TRAINED)
    frame = frame.assign(
        heading=[f"{name[0].upper()}{name[1:]}" for name in there], line=frame["method"].map(method_name)
    )
    state = frame["mean"].map(lambda mean: NOT_RUN if pd.isna(mean) else "")
    return frame.assign(state=state, significant=frame["significant"].eq(True)).sort_values("heading", kind="stable")


def tasks_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Frozen − trained by method and task, of a frame of `frozen_head.by_task`; a star where it is significant."""
    body: dict[str, dict[str, str]] = {}
    for one in frame.itertuples():
        said = one.state or f"{interval(one, '{:+.1f}')}{'*' * bool(one.significant)}"
        body.setdefault(method_name(one.method), {})[task_name(one.task)] = said
    return pd.DataFrame([{"Method": method, **own} for method, own in body.items()])


def collapse_table(scores: Scores, beside: pd.DataFrame) -> pd.DataFrame:
    """How many cells look collapsed in the paper, and how many of our runs collapse or learn nothing, by method."""
    runs = collapses(scores)
    body = []
    for method, own in beside.groupby("method", sort=False):
        ours = runs[runs["method"] == method]
        sides = {name: ours[ours["train_head"] == trained] for name, trained in (("frozen", False), ("trained", True))}
        known = own["published"].dropna()
        body.append(
            {"Method": method_name(str(method)), "In the released code": own["there"].iloc[0].removesuffix(OF_PAPER)}
            | {"Published cells": f"{int(known.sum())} of {len(known)}"}
            | {f"One answer, head {name}": f"{side['one_answer'].sum()} of {len(side)}" for name, side in sides.items()}
            | {f"At or below the baseline, head {name}": f"{s['low'].sum()} of {len(s)}" for name, s in sides.items()}
        )
    return pd.DataFrame(body)


def published_table(published: pd.DataFrame, beside: pd.DataFrame) -> pd.DataFrame:
    """The published cells that look collapsed, and what our runs do in their place."""
    own = published[published["suspicious"] == 1].merge(beside[["method", "task", "there", *SHARES]])
    body = [
        {
            "Method": method_name(one.method),
            "Task": task_name(one.task),
            "Published": f"{one.value:.2f} ± {one.std:.2f}",
        }
        | {"Why": " and ".join(["at the trivial score"] * one.near + ["hardly any deviation"] * one.still)}
        | {"Head in UniPELT's code": one.there.removeprefix("head ").removesuffix(OF_PAPER)}
        | {"Ours, head frozen": _shares(one.frozen, one.frozen_low, one.frozen_runs)}
        | {"Ours, head trained": _shares(one.trained, one.trained_low, one.trained_runs)}
        for one in own.itertuples()
    ]
    return pd.DataFrame(body) if body else pd.DataFrame({"Published": ["none"]})


def reading(scores: Scores, beside: pd.DataFrame) -> Markdown:
    """The hypothesis, and each piece of evidence for or against it.

    Args:
        scores: of the study.
        beside: see `pelt_core.report.few_shot.frozen_head.beside`.
    """
    if scores.table.empty:
        return Markdown("No run is recorded yet: there is nothing to read.")
    said = [
        "**The hypothesis.** In the released code a run without an adapter never trains the weight of the classifier's "
        f"head: {marked(map(method_name, FROZEN_THERE))} learn around a random one. If that explains the published "
        "collapses, freezing the head here should cost score, make runs give all rows one and the same answer, "
        "and do so where the paper's cells look collapsed.",
        *_cost(scores),
        *_collapse(scores),
        *_overlap(beside),
    ]
    return Markdown("\n\n".join(said))


def _cost(scores: Scores) -> Iterator[str]:
    found = telling(scores)
    if found.empty:
        return
    groups = with_holm(over_runs(found, "difference", ["there"]))
    said = "; ".join(f"methods with the {one.there}: {estimate(one)}" for one in groups.itertuples())
    lose = groups.set_index("there").eval("significant and mean < 0").reindex([FROZEN, TRAINED], fill_value=False)
    if lose.all():
        verdict = (
            "Both lose: a frozen head costs score whatever learns around it, so that this alone does not tell why the "
            "paper's cells of some methods look collapsed."
        )
    elif lose[FROZEN]:
        verdict = "Only those of the hypothesis lose significantly, as it has it."
    else:
        verdict = "Undecided: the loss that the hypothesis expects is not significant."
    over = listed(task_name(name) for name in dict.fromkeys(found["task"]))
    yield f"**What freezing costs.** Frozen − trained over {over}, {said}; in brackets {SPREAD}. {verdict}"


def _collapse(scores: Scores) -> Iterator[str]:
    own = in_pairs(scores)
    if own.empty:
        return
    sides = {name: own[own["train_head"] == flag] for name, flag in (("frozen", False), ("trained", True))}
    frozen, trained = (_counted(side, "one_answer") for side in sides.values())
    more = sides["frozen"]["one_answer"].mean() > sides["trained"]["one_answer"].mean()
    over = listed(task_name(name) for name in dict.fromkeys(own["task"]))
    yield (
        f"**Do runs collapse to one answer?** Of these methods on {over}, with the same shuffles on both sides, "
        f"{frozen} with a frozen head give all test rows one answer, and {trained} with a trained one. "
        + (
            "Freezing makes collapses more frequent, as the hypothesis has it."
            if more
            else "Freezing does not make them more frequent."
        )
    )
    by_task = "; ".join(
        f"on {task_name(str(name))} {_number(task[~task['train_head']])} with a frozen head, "
        f"{_number(task[task['train_head']])} with a trained one"
        for name, task in own.groupby("task", sort=False)
    )
    yield (
        f"**Apart from that**, runs end at or below the trivial baseline, whatever they answer: {by_task}. A run that "
        "learned nothing need not have collapsed."
    )


def _number(side: pd.DataFrame) -> str:
    return f"{side['low'].sum()} of {len(side)}"


def _counted(side: pd.DataFrame, column: str) -> str:
    return f"{side[column].sum()} of {counted(len(side), 'run')} ({POINTS * side[column].mean():.0f} %)"


def _overlap(beside: pd.DataFrame) -> Iterator[str]:
    frozen_there = beside["there"] == FROZEN
    fell, others = (beside[(beside["published"] > 0) & of] for of in (frozen_there, ~frozen_there))
    known = beside[frozen_there].dropna(subset=["published", "frozen", "trained"])
    ours, stood = (known[known["published"] == looks] for looks in (1, 0))
    if not len(fell):
        return
    many = len(others) != 1
    yield (
        f"**In the same places?** {counted(len(fell), 'published cell')} of these methods look{'s' * (len(fell) == 1)} "
        f"collapsed; {_in_place(ours, stood) if len(known) else 'of none of them we have runs with both heads yet.'} "
        f"{len(others)} published cell{'s' * many} of methods whose head was trained {'look' if many else 'looks'} "
        "collapsed too, which a frozen head cannot explain."
    )


def _in_place(fell: pd.DataFrame, stood: pd.DataFrame) -> str:
    """What our runs do where published cells look collapsed, and where they do not."""
    both = (fell["frozen"] > MOSTLY) & (fell["trained"] <= MOSTLY)
    named = listed(f"*{method_name(one.method)}* on {task_name(one.task)}" for one in fell[both].itertuples())
    already = int((fell["trained_low"] > MOSTLY).sum())
    return (
        f"of {len(fell)} we have runs with both heads. In {both.sum()} of these our runs collapse with a frozen head "
        f"and not with a trained one{f' ({named})' if named else ''}; in {already} they are at or below the trivial "
        "baseline even with a trained head, and so say little of the frozen one. Of the "
        f"{counted(len(stood), 'published cell')} that do not look collapsed and that we have runs of, ours collapse "
        f"when frozen in {int((stood['frozen'] > MOSTLY).sum())}."
    )


def limit_points(scores: Scores, signal: Scores) -> Markdown:
    """One point a limit; `signal` is of the study glue-signal."""
    poolings = listed(f"`{name}`" for name in dict.fromkeys(run.pooling for run in scores.runs))
    points = [
        *limits.common(scores),
        *limits.without_signal(signal, scores),
        *limits.at_a_guess(scores),
        "**Another model.** A collapse depends on the backbone, on what the head reads and on the rate of learning. "
        f"The paper's head reads BERT's first token through one more layer; ours reads {poolings}, which a sentence "
        "encoder was trained for. What freezing costs here is not what it cost there.",
        "**Learning rates** are those that did best with trained heads, see the page on [learning rates](glue-recipe): "
        "beside a frozen head another rate might do better, which would make freezing cost less.",
        "**The bias of the head.** A frozen head keeps its bias of zero here; in the released code the bias, whose "
        "name says what it is, is trained.",
        f"**What looks collapsed** is a rule of ours: a published mean within {NEAR_PUBLISHED:g} points of what one "
        f"answer for all rows gets on our test rows, or a deviation of at most {STILL:g}. A poor but honest score can "
        "lie there too, and our test rows are part of the paper's on some tasks.",
        "**An explanation of published numbers** cannot be proven by other runs: it takes the released code with the "
        "head unfrozen, on the paper's backbone and data.",
    ]
    return Markdown("\n".join(f"- {point}" for point in points))


def facts(scores: Scores, beside: pd.DataFrame) -> dict[str, str]:
    """What other pages quote, as text; arguments as of `reading`."""
    found = {
        "frozen_backbone": backbone_name(scores.runs[0].backbone),
        "frozen_recorded": f"{len(scores.rows):,} of {len(scores.runs):,}",
        "frozen_seeds": counted(len(words.seeds(scores)), "seed"),
        "frozen_published": str(int(beside["published"].sum())),
        "frozen_examples": f"{EXAMPLES:,}",
    }
    groups = with_holm(over_runs(telling(scores), "difference", ["there"]))
    costs = {one.there: estimate(one) for one in groups.itertuples()}
    for name, group in (("without_adapter", FROZEN), ("others", TRAINED)):
        found[f"frozen_cost_{name}"] = costs.get(group, NOT_RUN)
    return found


def _shares(one_answer: Any, low: Any, runs: Any) -> str:
    if pd.isna(one_answer):
        return NOT_RUN
    return (
        f"of {counted(int(runs), 'run')} {one_answer * runs:.0f} one answer, {low * runs:.0f} at or below the baseline"
    )
