"""What the making of the training data does to a result: number of rows, leak, prompt, and the reading of answers."""

from __future__ import annotations

from typing import Any

import pandas as pd
from IPython.display import Markdown

from pelt_core.report.names import method_name, mix_name, set_name
from pelt_core.report.reasoning.cells import by_name, cells, difference, paired
from pelt_core.report.tables import interval, p_value
from pelt_core.report.tested import TESTED, with_holm
from pelt_core.report.told import in_cell
from pelt_core.report.words import counted, listed
from pelt_core.study.answer_scores import AnswerScores
from pelt_core.study.run import AnswerRun

LIMITS = (
    "**Sampled solutions.** The published rows were written by a large teacher. What a small one would give is counted "
    "with [the data](../data/construction); it is too little to train on, so that annotated rows alone are trained on "
    "here.",
)
"""Of this study alone."""


def rows(run: AnswerRun) -> int:
    """How many rows a run's mix asks for."""
    return sum(int(part.partition(":")[2]) for part in run.train.split("+")) if run.train else 0


def sizes(scores: AnswerScores) -> pd.DataFrame:
    """The loss by number of training rows, of each source with several: as `pelt_core.report.reasoning.figures.sweep`.

    Only runs with the prompt that most have count.
    """
    prompt = _usual_prompt(scores)
    found = cells(scores, ("sources", "train"), prompt=prompt)
    found = found.assign(size=[rows(_of(scores, train)) for train in found["train"]], method="lora")
    several = found.groupby("sources")["train"].transform("nunique") > 1
    return found[several].assign(heading=found["sources"].map(mix_name), line=found["size"].map("{:,} rows".format))


def contrasts(scores: AnswerScores) -> pd.DataFrame:
    """Every other making of the data less the usual one of as many rows, as a line of `lines.differences`.

    Other sources are held against the source of most runs, and another prompt against the usual one.
    """
    usual = _usual_prompt(scores)
    trained = [run for run in scores.runs if run.trains]
    most = pd.Series([run.sources for run in trained]).mode()[0]
    lines = []
    for train, prompt in dict.fromkeys((run.train, run.prompt) for run in trained):
        own = _of(scores, train)
        if own.sources == most and prompt == usual:
            continue
        same = next((r.train for r in trained if r.sources == most and rows(r) == rows(own)), None)
        if same is None:
            continue
        said = f"{mix_name(own.sources)}" if own.sources != most else "the published prompt"
        heading = f"{said[0].upper()}{said[1:]} − {mix_name(most) if own.sources != most else 'ours'}"
        lines += [
            {"heading": heading, "line": f"{set_name(name)}", "set": name, "method": "lora"}
            | difference(scores, {"train": train, "prompt": prompt}, {"train": same, "prompt": usual}, (name,))
            for name in scores.tasks
        ]
    columns = ["heading", "line", "set", "method", "state", "seeds", "items", *TESTED]
    return with_holm(pd.DataFrame(lines, columns=columns))


def readings(scores: AnswerScores) -> pd.DataFrame:
    """Right answers by the mended reading and by the published one, and their paired difference: a table for the page.

    Args:
        scores: of a study that writes answers.
    """
    mended, published = (scores.by(measure) for measure in ("accuracy", "accuracy_published"))
    ours, theirs = (by_name(cells(which)) for which in (mended, published))
    body = []
    for name, one in ours.items():
        sides = [which.values((), method=name) for which in (published, mended)]
        if name == "none":
            sides = [side.iloc[:, :1] for side in sides]
        gap = pd.DataFrame([paired(*sides)])
        (line,) = gap.itertuples()
        body.append(
            {
                "Method": method_name(name),
                "Mended": in_cell(one, "{:.1f}"),
                "Published": in_cell(theirs[name], "{:.1f}"),
                "Published − mended": in_cell(line, "{:+.1f}"),
                "p": p_value(line.p),
            }
        )
    return pd.DataFrame(body)


def table(scores: AnswerScores) -> pd.DataFrame:
    """Every making of the data for the page: its rows, losses, and the loss of other texts."""
    by = ("train", "prompt")
    by_set = {name: _by(cells(scores, by, sets=(name,)), by) for name in scores.tasks}
    texts = _by(cells(scores.by("text_loss"), by), by)
    body = []
    for train, prompt in dict.fromkeys((run.train, run.prompt) for run in scores.runs):
        run = _of(scores, train)
        key = (train, prompt)
        body.append(
            {
                "Trained on": mix_name(run.sources),
                "Rows": f"{rows(run):,}" if train else "",
                "Prompt": f"`{prompt}`",
                **{f"Loss, {set_name(name)}": in_cell(found[key], "{:.3f}") for name, found in by_set.items()},
                **({"Loss of other texts": in_cell(texts[key], "{:.3f}")} if texts else {}),
                "Seeds": f"{max(found[key].seeds for found in by_set.values())}",
            }
        )
    return pd.DataFrame(body)


def reading(size: pd.DataFrame, differing: pd.DataFrame) -> Markdown:
    """How the loss goes with the number of rows, and what the other ways of making the data do, in sentences."""
    said = []
    for heading, own in size.dropna(subset="mean").groupby("heading", sort=False):
        ranked = sorted(own.itertuples(), key=lambda one: one.size)
        shown = listed(f"{interval(one, '{:.3f}')} with {one.size:,}" for one in ranked)
        said.append(f"**Rows, {heading}.** {counted(len(ranked), 'size')}: {shown} nats per token.")
    for heading, own in differing[differing["state"] == ""].groupby("heading", sort=False):
        shown = listed(
            f"{one.line} {interval(one, '{:+.3f}')}{' (significant)' if one.significant else ''}"
            for one in own.itertuples()
        )
        said.append(f"**{heading}.** {shown}.")
    return Markdown("\n\n".join(said) or "There is nothing to read yet.")


def _usual_prompt(scores: AnswerScores) -> str:
    return str(pd.Series([run.prompt for run in scores.runs]).mode()[0])


def _of(scores: AnswerScores, train: str) -> AnswerRun:
    return next(run for run in scores.runs if run.train == train)


def _by(frame: pd.DataFrame, by: tuple[str, ...]) -> dict[tuple[str, ...], Any]:
    return {tuple(getattr(one, name) for name in by): one for one in frame.itertuples()}
