"""What the page on gates says: sentences, limits and facts for other pages, all computed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from IPython.display import Markdown

from pelt_core.report import words
from pelt_core.report.few_shot import gate_frames, limits
from pelt_core.report.few_shot.forced import FORCED, READINGS, forced, not_finite, padded
from pelt_core.report.few_shot.gates import START, by_site
from pelt_core.report.few_shot.over_runs import over_runs
from pelt_core.report.few_shot.published import low_resource
from pelt_core.report.few_shot.tuned import ranges, swept
from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import backbone_name, method_name, task_name
from pelt_core.report.told import estimate
from pelt_core.report.words import counted, listed
from pelt_core.study.scores import POINTS, Scores


def reading(every: Scores, study: Scores, examples: int) -> Markdown:
    """The findings in paragraphs.

    Args:
        every: the rows of this study and of the main one.
        study: those of this study.
        examples: of the cells of this study.
    """
    said = [
        *_where(every, examples),
        *_forced(every, examples),
        *_right_and_wrong(every, examples),
        *_padding(study),
        *_scale(study, examples),
        *_sizes(study, examples),
    ]
    return Markdown("\n\n".join(said) or "No run is recorded yet: there is nothing to read.")


def _where(scores: Scores, examples: int) -> Iterator[str]:
    sites = by_site(scores, method="apl", examples=examples)
    if sites.empty:
        return
    means = sites.groupby(["task", "gate", "layer"], sort=False)["mean"].mean()
    widest, narrowest = means.idxmax(), means.idxmin()
    kinds = sites.groupby("gate", sort=False)["mean"].mean().sort_values(ascending=False)
    between = means.groupby(level=["gate", "layer"]).std().mean()
    seeds = sites.groupby(["task", "gate", "layer"])["mean"].std().mean()
    said = f"; between seeds of one task it is {seeds:.3f}" if np.isfinite(seeds) else ""
    tasks = f"between tasks the deviation of one gate is {between:.3f} on average{said}, and " * bool(
        np.isfinite(between)
    )
    yield (
        f"**Which gates open.** All start near {START}. After training with {examples:,} examples, the mean over "
        f"layers and tasks is {listed(f'{value:.2f} ({gate})' for gate, value in kinds.items())}. The most open gate "
        f"is {_site(widest)} with {means.max():.2f}, the most closed {_site(narrowest)} with {means.min():.2f}; "
        f"{tasks}between the rows of a test set {sites['spread'].mean():.3f}."
    )


def _site(name: tuple[str, str, int]) -> str:
    task, gate, layer = name
    return f"{gate[0].lower() if not gate.startswith('LoRA') else 'L'}{gate[1:]} in layer {layer} on {task_name(task)}"


def _forced(scores: Scores, examples: int) -> Iterator[str]:
    lines = gate_frames.forced_lines(scores, examples)
    for method, own in lines[lines["mean"].notna()].groupby("method", sort=False):
        said = "; ".join(f"{FORCED[one.value]}: {estimate(one)}" for one in own.itertuples())
        yield (
            f"**Does the score depend on them?** {method_name(str(method))}, all gates forced, against the same rows "
            f"with free gates: {said}."
        )


def _right_and_wrong(scores: Scores, examples: int) -> Iterator[str]:
    lines = gate_frames.right_and_wrong_lines(scores, examples)
    if lines.empty:
        return
    told = lines[lines["significant"]]
    named = listed(f"{one.line} of {one.heading} ({one.mean:+.1f})".replace("-", "−") for one in told.itertuples())
    yield (
        "**Does a gate tell right from wrong answers?** Of all pairs of a row answered right and one answered wrong, "
        "half would have the larger gate on the right one if it told nothing. "
        + (f"After Holm's correction it is told from a half for {named}, in points." * bool(len(told)))
        + "After Holm's correction no module's gate is told from a half." * (not len(told))
    )


def _padding(scores: Scores) -> Iterator[str]:
    frame = padded(scores)
    if frame.empty:
        return
    said = []
    for reading_, own in frame.groupby("reading", sort=False):
        (score,) = over_runs(own, "difference").itertuples()
        said.append(
            f"{READINGS[str(reading_)]}: a gate moves by {own['gate'].mean():.3f} (at most {own['gate_max'].max():.3f})"
            f", {POINTS * own['changed'].mean():.1f} % of the rows get another class, the score moves by "
            f"{estimate(score, number='{:+.2f}')}"
        )
    same, pairs = _alike(scores)
    alike = (
        f" Trained with the one mean and with the other, and read alone, a text has the same gate, as training never "
        f"pads: {same} of {pairs} such pairs of runs have the same score."
        if pairs
        else ""
    )
    yield f"**The mean that counts padding.** Against each row read alone: {'; '.join(said)}.{alike}"


def _alike(scores: Scores) -> tuple[int, int]:
    """In how many pairs of runs, of how many, both means over tokens give the same score."""
    table = scores.table[scores.table["method"].isin(["apl", "apl-counted"])]
    both = table.pivot_table("score", ["task", "seed", "examples"], "method").dropna()
    if both.shape[1] < 2:
        return 0, 0
    return int(np.isclose(both["apl"], both["apl-counted"]).sum()), len(both)


def _scale(scores: Scores, examples: int) -> Iterator[str]:
    found = ranges(scores, examples)
    if found.empty:
        return
    (narrower,) = over_runs(found, "narrower").itertuples()
    without, with_gate, rates = found["without"].mean(), found["with"].mean(), _rates(scores)
    yield (
        f"**LoRA's scale.** Between its best and its worst scale the score of a run differs by {without:.1f} points "
        f"without a gate, trained at {rates[False]}, and by {with_gate:.1f} with one, trained at {rates[True]}; the "
        f"range is narrower with the gate by {estimate(narrower)}. The paper claims that a gate removes the need to "
        "tune the scale."
    )


def _sizes(scores: Scores, examples: int) -> Iterator[str]:
    lines = gate_frames.size_lines(scores, examples)
    known = lines[lines["mean"].notna()]
    if known.empty:
        return
    said = "; ".join(f"{one.line} on {one.heading}: {estimate(one)}" for one in known.itertuples())
    paper = low_resource(examples)["value"].unstack("method")
    published = ""
    if {"prefix", "prefix(L=50)"} <= set(paper):
        gaps = (paper["prefix(L=50)"] - paper["prefix"]).reindex([*known["task"].unique(), "avg"]).dropna()
        named = listed(
            f"{value:+.1f} {'on average' if name == 'avg' else f'on {task_name(str(name))}'}".replace("-", "−")
            for name, value in gaps.items()
        )
        published = f" The paper's own difference between prefixes of 50 and of 10 is {named}."
    yield f"**Sizes.** {said}.{published}"


def limit_points(every: Scores, study: Scores, signal: Scores) -> Markdown:
    """One point a limit; `signal` is of the study glue-signal, the others as of `reading`."""
    rows = forced(every)["rows"]
    first = f"the first {rows.max():,} test rows" if len(rows) else "part of the test rows"
    lost = not_finite(every)
    left_out = f" Left out: {counted(lost, 'run')} without a finite score at one of the values." if lost else ""
    points = [
        *limits.common(study),
        *limits.without_signal(signal, study),
        *limits.at_a_guess(study),
        f"**Forced gates** are forced together, after training with free ones, and on {first} alone. What a method "
        "trained at that value would do is another question. A prefix behind a gate of 0 still has keys, of zeros, "
        f"that attention can look at, so that gates of 0 are not quite the backbone.{left_out}",
        "**Over runs.** Forced gates, padding and ranges are recorded by run and not by row: their intervals are those "
        "of Student's t over the seeds of each task, and speak of other runs on the same tasks, not of other tasks.",
        "**Padding** comes in at inference alone: training here never pads, while the released code pads all rows to "
        "the same length in training too, and there gates can learn with it. The longest length decides how much "
        "padding there is.",
        "**The gate of LoRA** multiplies its scale here, so that both can be swept; in the released code it takes the "
        "scale's place.",
        *_scale_rates(study),
        "**Two gates for LoRA**, at query and value, as in the released code; the paper draws one.",
        "**A gate's value is no attribution.** A module can matter little behind an open gate, as its own output may "
        "be small.",
        "**Right and wrong.** A gate reads the text and not the answer: where it differs between rows answered right "
        "and wrong, it may follow what makes a text easy, as its length or its class.",
    ]
    return Markdown("\n".join(f"- {point}" for point in points))


def _scale_rates(study: Scores) -> Iterator[str]:
    rates = _rates(study)
    if len(set(rates.values())) > 1:
        yield (
            f"**Scale and rate.** LoRA's scale is swept at a learning rate of {rates[False]} without a gate and of "
            f"{rates[True]} with one, each found best at one scale, see the page on [learning rates](glue-recipe). A "
            "scale acts much like a rate, so that part of what the gate seems to do may be the rate's. The best of "
            "several scores less the worst is above zero even where the scale does nothing."
        )


def _rates(study: Scores) -> dict[bool, str]:
    """Whether LoRA is gated -> the learning rates with which its scale is swept."""
    found = {}
    for gated, own in swept(study).groupby("gated"):
        rates = {run.learning_rate for run in study.runs if study.names[run.method] in set(own["method"])}
        found[bool(gated)] = listed(f"{rate:g}" for rate in sorted(rates))
    return found


def facts(every: Scores, study: Scores, examples: int) -> dict[str, str]:
    """What other pages quote, as text; arguments as of `reading`."""
    found = {
        "gates_backbone": backbone_name(study.runs[0].backbone),
        "gates_recorded": f"{len(study.rows):,} of {len(study.runs):,}",
        "gates_seeds": counted(len(words.seeds(study)), "seed"),
    }
    for one in gate_frames.forced_lines(every, examples).itertuples():
        found[f"gates_forced_{one.method}_{one.value}"] = one.state or estimate(one)
    table = ranges(study, examples)
    narrower = over_runs(table, "narrower") if len(table) else pd.DataFrame()
    found["gates_scale_narrower"] = estimate(next(narrower.itertuples())) if len(narrower) else NOT_RUN
    moved = padded(study)
    longest = moved[moved["reading"] == "max_length"]
    found["gates_padding_changed"] = f"{POINTS * longest['changed'].mean():.1f} %" if len(longest) else NOT_RUN
    return found
