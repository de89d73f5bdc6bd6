"""The page on commonsense: two formats of training, three readings of each answer, and what a guess scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pelt_core.data.prompts import INSTRUCTION_FOR
from pelt_core.report.names import backbone_name, method_name, set_name
from pelt_core.report.reasoning import published, records
from pelt_core.report.reasoning.cells import cells, difference
from pelt_core.report.tables import p_value
from pelt_core.report.tested import TESTED, with_holm
from pelt_core.report.told import in_cell
from pelt_core.study.answer_scores import AnswerScores

BASE = "none"
READINGS = {"accuracy": "The label that is written", "label": "The likeliest label", "cloze": "The likeliest text"}
"""Measure -> how an answer is read: see `pelt_core.choices` for the likelihoods."""
LABELS, TEXTS = "labels", "texts"
"""What a model is trained to write: the label of a choice, as published, or its text, after the cloze prompt."""
OWN = {LABELS: "accuracy", TEXTS: "cloze"}
"""The reading that each format trains for."""


def trained_on(prompt: str) -> str:
    """The format of a prompt: `LABELS` or `TEXTS`."""
    return TEXTS if prompt in INSTRUCTION_FOR else LABELS


def means(scores: AnswerScores) -> pd.DataFrame:
    """The mean accuracy over all sets of each method, trained on each format, in each reading.

    Returns:
        Columns heading (the reading), line, measure, format (empty for the base model), and those of
        `pelt_core.report.reasoning.cells.cells` by method and prompt.
    """
    frames = [
        cells(scores.by(measure), ("method", "prompt")).assign(measure=measure, heading=heading)
        for measure, heading in READINGS.items()
    ]
    found = pd.concat(frames, ignore_index=True)
    formats = found["prompt"].map(trained_on).mask(found["method"] == BASE, "")
    names = found["method"].map(method_name)
    return found.assign(format=formats, line=names.where(formats == "", names + ", " + formats))


def guess(scores: AnswerScores, written: pd.DataFrame) -> float:
    """Points of always giving the commonest label of each set, the mean over all; NaN before a run is recorded.

    Args:
        scores: of the study.
        written: see `pelt_core.report.reasoning.records.answers`.
    """
    return float(np.mean([records.majority(written, name) for name in scores.by("accuracy").tasks]))


def gains(scores: AnswerScores, sets: Sequence[str] = ()) -> pd.DataFrame:
    """Each trained cell less the base model in each reading, paired, with Holm's correction over all lines.

    Returns:
        Columns heading, line, measure, method, format, and those of `pelt_core.report.reasoning.cells.difference`,
        p_holm and significant.
    """
    found = means(scores)
    lines = [
        {name: getattr(one, name) for name in ("heading", "line", "measure", "method", "format")}
        | difference(scores.by(one.measure), {"method": one.method, "prompt": one.prompt}, {"method": BASE}, sets)
        for one in found[found["method"] != BASE].itertuples()
    ]
    columns = ["heading", "line", "measure", "method", "format", "state", "seeds", "items", *TESTED]
    return with_holm(pd.DataFrame(lines, columns=columns))


def formats(scores: AnswerScores) -> pd.DataFrame:
    """Trained on labels less trained on texts, of each method in each reading, as `gains` without a format."""
    prompts = {trained_on(run.prompt): run.prompt for run in scores.runs if run.trains}
    both = [name for name in records.methods(scores) if name != BASE] if len(prompts) == len(OWN) else []
    lines = []
    for measure, heading in READINGS.items():
        for name in both:
            labels, texts = ({"method": name, "prompt": prompts[of]} for of in (LABELS, TEXTS))
            found = difference(scores.by(measure), labels, texts)
            lines.append({"heading": heading, "line": method_name(name), "measure": measure, "method": name} | found)
    columns = ["heading", "line", "measure", "method", "state", "seeds", "items", *TESTED]
    return with_holm(pd.DataFrame(lines, columns=columns))


def table(found: pd.DataFrame, gained: pd.DataFrame, guessed: float) -> pd.DataFrame:
    """Every cell for the page: its accuracy, and how far that is above a guess and above the base model.

    Args:
        found: see `means`.
        gained: see `gains`.
        guessed: see `guess`.
    """
    above = {(one.heading, one.line): one for one in gained.itertuples()}
    body = []
    for one in found.itertuples():
        gain = above.get((one.heading, one.line))
        body.append(
            {
                "Reading": one.heading,
                "Method": method_name(one.method),
                "Trained on": one.format or "nothing",
                "Accuracy": in_cell(one, "{:.1f}"),
                "Above the commonest label": "" if one.state else f"{one.mean - guessed:+.1f}".replace("-", "−"),
                "Above the base model": _said(gain, "{:+.1f}") if gain else "",
                "p, Holm": p_value(gain.p_holm) if gain else "",
                "Seeds": f"{one.seeds}",
            }
        )
    return pd.DataFrame(body)


def format_table(frame: pd.DataFrame) -> pd.DataFrame:
    """`formats` for the page: a line a method, a column a reading."""
    lines = []
    for name, own in frame.groupby("method", sort=False):
        said = {one.heading: _said(one, "{:+.1f}") for one in own.itertuples()}
        lines.append({"Method": method_name(str(name)), **said})
    return pd.DataFrame(lines, columns=["Method", *READINGS.values()])


def by_set(scores: AnswerScores, measure: str, written: pd.DataFrame) -> pd.DataFrame:
    """The accuracy of every cell on each set in one reading, and of always giving the commonest label.

    Args:
        scores: of the study.
        measure: a key of `READINGS`.
        written: see `pelt_core.report.reasoning.records.answers`.
    """
    own, foreign = scores.by(measure), untrained_sets(scores)
    frames = {name: list(cells(own, ("method", "prompt"), (name,)).itertuples()) for name in own.tasks}
    titles = {name: f"{set_name(name)}{' (not trained on)' * (name in foreign)}" for name in own.tasks}
    body = [
        {"Method": method_name(one.method), "Trained on": trained_on(one.prompt) if one.method != BASE else "nothing"}
        | {titles[name]: _said(lines[i], "{:.1f}") for name, lines in frames.items()}
        for i, one in enumerate(next(iter(frames.values())))
    ]
    if len(written):
        always = {titles[name]: f"{records.majority(written, name):.1f}" for name in own.tasks}
        body.append({"Method": "Always the commonest label", "Trained on": "", **always})
    return pd.DataFrame(body)


def untrained_sets(scores: AnswerScores) -> list[str]:
    """The sets that are asked without a row of them in the training."""
    sources = {part.partition(":")[0] for run in scores.runs if run.trains for part in run.train.split("+")}
    asked = scores.by("accuracy").tasks
    return [] if EVERYTHING in sources else [name for name in asked if name not in sources]


EVERYTHING = "commonsense170k"
"""Training data that hold rows of all eight sets."""


def transfer(scores: AnswerScores) -> pd.DataFrame:
    """Gains on the base model where rows of a set were trained on and where not, each read as it was trained for.

    Returns:
        Columns method, format, and trained and foreign: lines of `gains`, or None where there are no such sets.
    """
    foreign = untrained_sets(scores)
    sides = {"trained": [name for name in scores.by("accuracy").tasks if name not in foreign], "foreign": foreign}
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    for side, sets in sides.items():
        for one in gains(scores, sets).itertuples() if sets else ():
            if one.measure == OWN[one.format]:
                empty = {"method": one.method, "format": one.format, **dict.fromkeys(sides)}
                lines.setdefault((one.method, one.format), empty)[side] = one
    return pd.DataFrame(lines.values(), columns=["method", "format", *sides])


def transfer_table(frame: pd.DataFrame) -> pd.DataFrame:
    """`transfer` for the page."""
    return pd.DataFrame(
        {
            "Method": method_name(one.method),
            "Trained on": one.format,
            "Reading": READINGS[OWN[one.format]],
            "Gain on sets trained on": _said(one.trained, "{:+.1f}"),
            "Gain on the others": _said(one.foreign, "{:+.1f}"),
        }
        for one in frame.itertuples()
    )


def beside_published(scores: AnswerScores, written: pd.DataFrame) -> pd.DataFrame:
    """The paper's table 4, with ours in its last lines: trained on labels as there, by the label that is written."""
    own, mean = scores.by("accuracy"), "Mean"
    columns = {set_name(name): (name,) for name in own.tasks} | {mean: ()}
    found = {title: _of_labels(cells(own, ("method", "prompt"), sets)) for title, sets in columns.items()}
    backbone = backbone_name(scores.runs[0].backbone)
    ours = [
        {"Backbone": backbone, "Method": method_name(name)}
        | {title: one[name].state or f"{one[name].mean:.1f}" for title, one in found.items() if name in one}
        for name in records.methods(scores)
    ]
    if len(written):
        always = {set_name(name): f"{records.majority(written, name):.1f}" for name in own.tasks}
        always |= {mean: f"{guess(scores, written):.1f}"}
        ours.append({"Backbone": "none", "Method": "Always the commonest label", **always})
    sets = [name for name in dict.fromkeys(published.numbers(published.COMMONSENSE)["dataset"]) if name != "avg"]
    return published.table({published.COMMONSENSE: mean}, sets, ours)


def labelled(scores: AnswerScores) -> str:
    """The prompt of the runs that are trained on labels."""
    return next(run.prompt for run in scores.runs if run.trains and trained_on(run.prompt) == LABELS)


def _of_labels(frame: pd.DataFrame) -> Mapping[str, Any]:
    return {one.method: one for one in frame.itertuples() if trained_on(one.prompt) == LABELS}


def _said(one: Any, number: str) -> str:
    return published.NOTHING if one is None else in_cell(one, number)
