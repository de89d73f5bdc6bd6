"""The page on a decoder as a classifier: the main comparisons once more, beside those of the encoder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from pelt_core import specification
from pelt_core.report.few_shot import limits as common
from pelt_core.report.few_shot import rates
from pelt_core.report.few_shot.cells import difference
from pelt_core.report.few_shot.state import selected
from pelt_core.report.few_shot.tasks import column, tasks, trivial
from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import backbone_name, method_name, task_name
from pelt_core.report.tables import interval
from pelt_core.report.tested import with_holm
from pelt_core.report.told import in_cell
from pelt_core.report.words import counted, listed, marked
from pelt_core.study.scores import Scores

PAIRS = (("lora", "head"), ("apl", "lora"), ("apl", "adapter"), ("apl", "prefix"), ("apl", "apl-nogate"))
"""The comparisons: a module against none, the combination against each of its modules, and gates against none."""


LEAST_COMPARED = 5
"""So many comparisons it takes to say how many of them point the same way."""


def above(scores: Scores, found: pd.DataFrame) -> dict[str, bool]:
    """Task -> whether some method leaves the trivial baseline with its whole interval, where any is recorded.

    Args:
        scores: of the study.
        found: as `pelt_core.report.few_shot.tasks.by_task` gives it.
    """
    known = found[found["mean"].notna()]
    return {
        str(name): bool((own["low"] > scores.baseline(str(name))).any())
        for name, own in known.groupby("task", sort=False)
    }


def table(scores: Scores, found: pd.DataFrame) -> pd.DataFrame:
    """Every cell of the decoder: scores, the trivial baseline, and what is trained.

    Args:
        scores: of the study.
        found: as `pelt_core.report.few_shot.tasks.by_task` gives it.
    """
    lines = []
    for name, own in found.groupby("method", sort=False):
        known = scores.table.loc[scores.table["method"] == name, "trainable_parameters"]
        line = {"Method": method_name(str(name)), "Trained": f"{known.iloc[0]:,}" if len(known) else NOT_RUN}
        lines.append(line | {column(str(one.task)): in_cell(one, "{:.1f}") for one in own.itertuples()})
    return pd.DataFrame([*lines, trivial(scores)]).fillna("")


def comparisons(decoder: Scores, encoder: Scores, chosen: pd.DataFrame) -> pd.DataFrame:
    """The comparisons of `PAIRS` on each of the decoder's tasks, on both backbones, with Holm's correction over all.

    Of the encoder's runs those count that have as many examples as the decoder's, and a trained head.

    Args:
        decoder: of the study.
        encoder: of the study low-resource.
        chosen: the decoder's learning rates, as `pelt_core.report.few_shot.rates.best` gives them.

    Returns:
        Columns task, first, second, backbone, heading (task and backbone), line (the pair), method (for the colour),
        and those of `pelt_core.report.few_shot.cells.difference`, p_holm and significant.
    """
    there = {decoder.names[run.method] for run in decoder.runs}
    lines = [
        _pair(scores, name, first, second, {"examples": _examples(decoder, name)} | where)
        for name in tasks(decoder)
        for scores, where in ((decoder, {"key": rates.keys(chosen)}), (encoder, {"train_head": True}))
        for first, second in PAIRS
        if {first, second} <= there
    ]
    return with_holm(pd.DataFrame(lines))


def _pair(scores: Scores, name: str, first: str, second: str, where: dict[str, Any]) -> dict[str, object]:
    backbone = backbone_name(scores.runs[0].backbone)
    found = difference(scores, {"method": first}, {"method": second}, task=name, **where)
    return {
        "task": name,
        "first": first,
        "second": second,
        "backbone": backbone,
        "heading": f"{task_name(name)}, {backbone}",
        "line": f"{method_name(first)} − {method_name(second)}",
        "method": first,
        **found,
    }


def pairs(frame: pd.DataFrame) -> pd.DataFrame:
    """The comparisons of both backbones side by side, for the page: a line a task and pair.

    Args:
        frame: as `comparisons` gives it.
    """
    lines = []
    for (name, pair), own in frame.groupby(["task", "line"], sort=False):
        line = {"Task": task_name(str(name)), "Comparison": str(pair)}
        lines.append(line | {one.backbone: in_cell(one, "{:+.1f}") for one in own.itertuples()})
    return pd.DataFrame(lines)


def reading(found: pd.DataFrame, leaves: dict[str, bool], frame: pd.DataFrame, chosen: pd.DataFrame) -> Markdown:
    """Which tasks the decoder carries, and whether the comparisons point the same way on both backbones.

    Args:
        found: as `pelt_core.report.few_shot.tasks.by_task` gives it.
        leaves: as `above` gives it.
        frame: as `comparisons` gives it.
        chosen: as `pelt_core.report.few_shot.rates.best` gives it.
    """
    if found["mean"].isna().all():
        return Markdown("There is nothing to read yet: no run of the decoder is recorded.")
    points = [
        *_carried(leaves),
        *_nothing_learned(found),
        *_best(found),
        *_preliminary(chosen),
        *_directions(frame),
        *_seeds(frame),
    ]
    return Markdown("\n".join(f"- {point}" for point in points))


def _carried(leaves: dict[str, bool]) -> Iterator[str]:
    kept, left = ([task_name(name) for name, up in leaves.items() if up is state] for state in (False, True))
    if left:
        yield f"Some method leaves the trivial baseline with its whole interval on {listed(left)}."
    if kept:
        yield (
            f"No method does on {listed(kept)}: what is found there is neither for nor against any method. So few "
            "examples, epochs and test rows do not show that the decoder could not learn it."
        )


def _nothing_learned(found: pd.DataFrame) -> Iterator[str]:
    known = found[found["mean"].notna()]
    flat = known[known["low"] == known["high"]]
    if len(flat):
        said = listed(f"*{one.line}* on {task_name(str(one.task))}" for one in flat.itertuples())
        yield (
            f"An interval without width, of {said}, is that of a model that gives every row one and the same answer: "
            "at its rate it learned nothing, which says little of the method."
        )


def _best(found: pd.DataFrame) -> Iterator[str]:
    for name, own in found[found["mean"].notna()].groupby("task", sort=False):
        if len(own) > 1:
            first = next(own.sort_values("mean", ascending=False).itertuples())
            yield f"On {task_name(str(name))} the highest score is that of *{first.line}*, {interval(first, '{:.1f}')}."


def _preliminary(chosen: pd.DataFrame) -> Iterator[str]:
    partly = chosen[(chosen["recorded"] > 0) & (chosen["recorded"] < chosen["tried"])]
    for (name, recorded, tried), own in partly.groupby(["task", "recorded", "tried"], sort=False):
        methods = marked(map(method_name, own["method"]))
        yield (
            f"**Preliminary.** On {task_name(name)} {methods} ran with {recorded} of {tried} learning rates so far: "
            "with another rate the ranking may be another."
        )


def _directions(frame: pd.DataFrame) -> Iterator[str]:
    means = frame.pivot_table("mean", ["task", "line"], "backbone", sort=False).dropna()
    if means.shape[1] < 2 or means.empty:
        yield "No comparison is recorded on both backbones with the same number of examples."
        return
    if len(means) < LEAST_COMPARED:
        return
    same = int((np.sign(means).nunique(axis=1) == 1).sum())
    yield (
        f"Of {counted(len(means), 'comparison')} that both backbones have, {same} point the same way on both; half of "
        "them would by chance."
    )


def _seeds(frame: pd.DataFrame) -> Iterator[str]:
    known = frame[frame["state"] == ""]
    if known["p"].isna().all():
        yield (
            "With one seed the intervals know only other test rows, not other samples of training rows or other "
            "starts: **no verdict** follows."
        )
        return
    clear = known[known["significant"]]
    said = listed(f"*{one.line}* on {one.heading}" for one in clear.itertuples()) if len(clear) else "none"
    yield f"After Holm's correction over {counted(int(known['p'].notna().sum()), 'test')}, significant: {said}."


def limits(scores: Scores, chosen: pd.DataFrame) -> Markdown:
    """One point a limit: those of all such studies, and what is otherwise on a causal model.

    Args:
        scores: of the study.
        chosen: as `pelt_core.report.few_shot.rates.best` gives it.
    """
    own = [
        f"**Learning rates** were searched for on development rows of {_searched(chosen)} and one shuffle; the other "
        "tasks use what was best there. The best of a few rates on few development rows is partly luck.",
        "**Other gates.** A mean over a whole sequence would let a token see what follows it. So the combination has "
        f"gates that are computed token by token, {_gated(scores)}, and its adapter sits right behind the MLP, "
        "as the backbone normalises before it and not after. Both differ from the combination on the encoder.",
        "**No full fine-tuning.** Training every parameter of this backbone takes several times as long, so there is "
        "no ceiling to hold the methods against.",
        f"**Other rows.** {_fewer(scores)}",
    ]
    shared = [point for point in common.common(scores) if point != common.RECIPE]
    return Markdown("\n".join(f"- {point}" for point in [*shared, *own]))


def _searched(chosen: pd.DataFrame) -> str:
    return listed(dict.fromkeys(map(task_name, chosen.loc[chosen["tried"] > 1, "task"]))) or "no task"


def _gated(scores: Scores) -> str:
    found = (run.method for run in scores.runs if any(g.gate for g in specification.parse(run.method).groups))
    return listed(f"`{method}`" for method in dict.fromkeys(found)) or "none here"


def _fewer(scores: Scores) -> str:
    said = (
        f"{task_name(name)}: {_examples(scores, name):,} to train on, at most {_most(scores, name):,} to test on"
        for name in tasks(scores)
    )
    return f"{'; '.join(said)}."


def _most(scores: Scores, name: str) -> int:
    return max(run.test_rows for run in selected(scores, task=name))


def _examples(scores: Scores, name: str) -> int:
    return max(run.examples for run in selected(scores, task=name))
