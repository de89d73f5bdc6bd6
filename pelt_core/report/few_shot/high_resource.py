"""The page on many examples: ours beside the paper's table 3, and how close the methods are to each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Markdown

from pelt_core.report.few_shot import limits as common
from pelt_core.report.few_shot.cells import difference
from pelt_core.report.few_shot.published import OURS
from pelt_core.report.few_shot.tasks import points, tasks, trivial
from pelt_core.report.names import method_name, task_name
from pelt_core.report.tables import interval
from pelt_core.report.tested import with_holm
from pelt_core.report.told import in_cell
from pelt_core.report.words import counted, listed
from pelt_core.study.claims.published import PUBLISHED, read
from pelt_core.study.scores import Scores

REFERENCE = "full"
"""The paper's question at this size is what is left against fine-tuning."""


def published(path: Path = PUBLISHED) -> pd.Series:
    """Table 3 of UniPELT: points by (method, task), in our names."""
    rows = read(path)
    own = rows[rows["table"] == "3-high-resource"]
    index = pd.MultiIndex.from_arrays([own["method"].map(lambda name: OURS.get(name, name)), own["dataset"]])
    return pd.Series(own["value"].to_numpy(), index.set_names(["method", "task"]))


def table(scores: Scores, found: pd.DataFrame, paper: pd.Series) -> pd.DataFrame:
    """Ours beside the paper's, task by task, with the mean over these tasks where all are recorded.

    Args:
        scores: of the study.
        found: as `pelt_core.report.few_shot.tasks.by_task` gives it.
        paper: as `published` gives it.
    """
    lines = []
    for name, own in found.groupby("method", sort=False):
        line = {"Method": method_name(str(name))}
        for one in own.itertuples():
            line[f"{task_name(str(one.task))}, paper"] = points(paper.get((name, one.task), np.nan))
            line[f"{task_name(str(one.task))}, here"] = in_cell(one, "{:.1f}")
        theirs = [paper.get((name, task), np.nan) for task in tasks(scores)]
        line["Mean, paper"], line["Mean, here"] = points(np.mean(theirs)), points(own["mean"].mean(skipna=False))
        lines.append(line)
    return pd.DataFrame([*lines, trivial(scores, ", here")]).fillna("")


def differences(scores: Scores) -> pd.DataFrame:
    """Each method − `REFERENCE`, paired by item and seed, the tasks counting the same.

    Returns:
        Columns method, those of `pelt_core.report.few_shot.cells.difference`, p_holm, significant, heading and line.
    """
    names = dict.fromkeys(scores.names[run.method] for run in scores.runs)
    lines = [
        {"method": name} | difference(scores, {"method": name}, {"method": REFERENCE})
        for name in names
        if name != REFERENCE
    ]
    frame = with_holm(pd.DataFrame(lines))
    return frame.assign(heading="", line=frame["method"].map(method_name))


def reading(found: pd.DataFrame, against: pd.DataFrame, paper: pd.Series) -> Markdown:
    """How far the methods lie apart, there and here, and which differ from fine-tuning.

    Args:
        found: as `pelt_core.report.few_shot.tasks.by_task` gives it.
        against: as `differences` gives it.
        paper: as `published` gives it.
    """
    means = found.pivot_table("mean", "method", "task", dropna=False, sort=False)
    whole = means.dropna(axis="columns", how="all").dropna()
    if len(whole) < 2:
        return Markdown("There is nothing to compare yet: fewer than two methods are recorded on the same tasks.")
    shared = [name for name in whole.index if all((name, task) in paper.index for task in whole)]
    said = [_span(whole.mean(axis=1), paper, shared, list(whole)), *_against_full(against)]
    return Markdown("\n".join(f"- {point}" for point in said))


def _span(means: pd.Series, paper: pd.Series, shared: list[str], over: list[str]) -> str:
    said = (
        f"Over {listed(map(task_name, over))} the means of {counted(len(means), 'method')} span "
        f"{np.ptp(means):.1f} points, from *{method_name(means.idxmin())}* ({means.min():.1f}) to "
        f"*{method_name(means.idxmax())}* ({means.max():.1f})."
    )
    if len(shared) < 2:
        return said
    theirs = pd.Series({name: np.mean([paper[name, task] for task in over]) for name in shared})
    return (
        f"{said} On the same tasks the paper's span {np.ptp(theirs):.1f} points, from *{method_name(theirs.idxmin())}* "
        f"({theirs.min():.1f}) to *{method_name(theirs.idxmax())}* ({theirs.max():.1f})."
    )


def _against_full(against: pd.DataFrame) -> Iterator[str]:
    compared = against[against["state"] == ""]
    if compared.empty:
        return
    reference = method_name(REFERENCE)
    if compared["p"].isna().all():
        clear = compared[(compared["low"] > 0) | (compared["high"] < 0)]
        yield (
            f"Of {counted(len(compared), 'difference')} from {reference}, the interval leaves out zero for "
            f"{_named(clear)}. With one seed these intervals know only other test rows, not other samples of training "
            "rows or other starts: **no verdict** follows."
        )
        return
    yield f"After Holm's correction these differ from {reference}: {_named(compared[compared['significant']])}."


def _named(frame: pd.DataFrame) -> str:
    said = (f"*{method_name(one.method)}* ({interval(one, '{:+.1f}')})" for one in frame.itertuples())
    return listed(said) if len(frame) else "no method"


def limits(scores: Scores) -> Markdown:
    """One point a limit: those of all such studies, and what is fewer here than in the paper."""
    here = {
        run.task: f"{f'{run.examples:,} rows' if run.examples else 'all rows'} of {task_name(run.task)} for "
        f"{counted(run.epochs, 'epoch')}"
        for run in scores.runs
    }
    own = (
        f"**Few tasks, few epochs.** The paper trains on the whole training sets of all tasks; here it is "
        f"{listed(here.values())}. The learning rates are those of the small sets."
    )
    return Markdown("\n".join(f"- {point}" for point in [own, *common.common(scores)]))
