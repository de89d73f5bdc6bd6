"""Models that were trained on different mixes of rows: every mix on every test set, and what the leak does."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from IPython.display import Markdown

from pelt_core.report.names import mix_name, set_name
from pelt_core.report.reasoning.cells import cells, paired
from pelt_core.report.tables import interval
from pelt_core.report.tested import TESTED, with_holm
from pelt_core.report.told import in_cell
from pelt_core.report.words import counted, listed
from pelt_core.study.answer_scores import AnswerScores

LEAK = "leaked"
"""What the name of a source with test problems ends in; its counterpart ends in `un` and that."""
SEEN, UNSEEN = "problems that it was trained on", "other problems"


def mixes(scores: AnswerScores) -> list[str]:
    """The mixes of the grid by their sources, the untrained model's first."""
    return list(dict.fromkeys(run.sources for run in scores.runs))


def matrix(scores: AnswerScores) -> pd.DataFrame:
    """The measure of every mix on every set: columns sources, set, and those of `cells`."""
    frames = [cells(scores, ("sources",), sets=(name,)).assign(set=name) for name in scores.tasks]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["sources", "set", "mean"])


def table(scores: AnswerScores, number: str) -> pd.DataFrame:
    """The matrix for the page, with intervals.

    Args:
        scores: by the measure.
        number: its format.
    """
    frame = matrix(scores)
    body = []
    for name in mixes(scores):
        own = {one.set: one for one in frame[frame["sources"] == name].itertuples()}
        shown = {set_name(s): in_cell(one, number) for s, one in own.items()}
        body.append(
            {"Trained on": mix_name(name), **shown, "Seeds": f"{max((one.seeds for one in own.values()), default=0)}"}
        )
    return pd.DataFrame(body)


def leaks(scores: AnswerScores) -> pd.DataFrame:
    """What the leak does: each mix with test problems less the same one with others, set by set.

    Where it was recorded which questions a model had been trained on, those that the mix with the leak holds with every
    seed and those that it holds with none have lines of their own.

    Returns:
        Columns heading (the mix), line (the set, and which of its questions), set, which, method, those of
        `pelt_core.report.reasoning.cells.difference`, p_holm and significant.
    """
    lines = [line for sources in mixes(scores) if LEAK in _last(sources) for line in _of_mix(scores, sources)]
    return with_holm(pd.DataFrame(lines, columns=[*("heading", "line", "set", "which", "method"), *_DIFFERENCE]))


def shared(scores: AnswerScores, sources: str) -> pd.Series:
    """By (set, id), in how many of the seeds of a mix a question was trained on, as a share of the seeds."""
    keys = scores.table.loc[scores.table["sources"] == sources, "key"]
    frames = [items[items["seen"].notna()] for key in keys if "seen" in (items := scores.items(key))]
    if not frames:
        return pd.Series(dtype=float)
    seen = pd.concat(frames)
    return seen.groupby(["set", "id"])["seen"].agg(lambda own: own.astype(float).mean()).rename_axis(["task", "id"])


def reading(scores: AnswerScores, leaking: pd.DataFrame) -> Markdown:
    """What each mix gives on sets that it does not hold, and what the leak adds, in sentences."""
    found = matrix(scores)
    said = [*_gains(found, scores), *_leaking(leaking)]
    return Markdown("\n\n".join(said) or "There is nothing to read yet: no mix is recorded.")


_DIFFERENCE = ("state", "seeds", "items", *TESTED)


def _last(sources: str) -> str:
    """The source that a leak may be in, without the `un` of one that has none."""
    return sources.split("+")[-1].replace(f"un{LEAK}", "")


def _of_mix(scores: AnswerScores, sources: str) -> Iterator[dict[str, object]]:
    other, seen = sources.replace(LEAK, f"un{LEAK}"), shared(scores, sources)
    for name in scores.tasks:
        sides = [scores.values(name, sources=which) for which in (sources, other)]
        own = seen[seen.index.get_level_values("task") == name] if len(seen) else seen
        parts = {"": None}
        if len(own) and own.max() > 0:
            parts = {SEEN: own.index[own == 1], UNSEEN: own.index[own == 0]}
        for which, items in parts.items():
            values = [side if items is None or side.empty else side[side.index.isin(items)] for side in sides]
            line = {"heading": mix_name(sources), "set": name, "which": which, "method": "lora"}
            short = {SEEN: ", seen", UNSEEN: ", not seen"}.get(which, "")
            yield line | {"line": f"{set_name(name)}{short}"} | paired(*values)


def _gains(found: pd.DataFrame, scores: AnswerScores) -> Iterator[str]:
    for name, own in found.dropna(subset="mean").groupby("set", sort=False):
        ranked = sorted(own.itertuples(), key=lambda one: -scores.how.sign * one.mean)
        first, last = ranked[0], ranked[-1]
        if len(ranked) > 1:
            yield (
                f"**{set_name(str(name))}.** Best after training on {mix_name(first.sources)}, "
                f"{interval(first, '{:.3f}')} {scores.how.unit}; worst: {mix_name(last.sources)}, "
                f"{interval(last, '{:.3f}')}."
            )


def _leaking(leaking: pd.DataFrame) -> Iterator[str]:
    for heading, own in leaking[leaking["state"] == ""].groupby("heading", sort=False):
        sure = own[own["significant"]]
        said = [f"{one.line} {interval(one, '{:+.3f}')}" for one in sure.itertuples()]
        yield (
            f"**The leak, {heading}.** Of {counted(len(own), 'comparison')} with as many other rows of as many steps, "
            + (f"{len(sure)} are told apart: {listed(said)}." if len(sure) else "none is told apart.")
        )
