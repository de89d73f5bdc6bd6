"""Tables of the page on gates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pelt_core.report.few_shot import gate_frames
from pelt_core.report.few_shot.cells import cells
from pelt_core.report.few_shot.forced import FORCED, READINGS, forced, padded
from pelt_core.report.few_shot.gates import by_site
from pelt_core.report.few_shot.over_runs import over_runs
from pelt_core.report.few_shot.tuned import SIZES, by_scale, ranges, scale_differences, sized, swept
from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import METHOD_NAMES, method_name, task_name
from pelt_core.report.tables import interval, p_value
from pelt_core.report.told import in_cell
from pelt_core.study.scores import POINTS, Scores


def values(scores: Scores, examples: int) -> pd.DataFrame:
    """The mean of each kind of gate by task, over layers and seeds, with its range over layers."""
    sites = by_site(scores, method=list(gate_frames.COMBINED), examples=examples)
    by_layer = sites.groupby(["method", "task", "gate", "layer"], sort=False)["mean"].mean()
    summary = by_layer.groupby(level=["method", "task", "gate"], sort=False).agg(["mean", "min", "max"])
    body = [
        {"Method": method_name(method), "Task": task_name(task)}
        | {
            gate: f"{one['mean']:.2f} ({one['min']:.2f} to {one['max']:.2f})"
            for gate, one in own.droplevel([0, 1]).iterrows()
        }
        for (method, task), own in summary.groupby(level=["method", "task"], sort=False)
    ]
    return _shown(pd.DataFrame(body).fillna(""))


def forced_by_size(scores: Scores) -> pd.DataFrame:
    """Forced against free gates by method and number of examples, paired over runs."""
    frame = forced(scores, method=list(gate_frames.COMBINED))
    by = ["method", "examples", "value"]
    body = [
        {"Method": method_name(method), "Examples": f"{examples:,}"}
        | {f"Gates {FORCED[one.value]}": _interval(one) for one in own.itertuples()}
        | {"Runs": str(own["runs"].iloc[0])}
        for (method, examples), own in over_runs(frame, "difference", by).groupby(["method", "examples"], sort=False)
    ]
    return _shown(pd.DataFrame(body))


def right_and_wrong(lines: pd.DataFrame) -> pd.DataFrame:
    """Whether gates tell right from wrong answers, see `gate_frames.right_and_wrong_lines`."""
    body = [
        {
            "Method": one.heading,
            "Module": one.line,
            "Pairs above a half": _interval(one),
            "p, Holm": p_value(one.p_holm),
        }
        | {"Runs": str(one.runs)}
        for one in lines.itertuples()
    ]
    return _shown(pd.DataFrame(body))


def padding(scores: Scores) -> pd.DataFrame:
    """What padding does, against rows read alone, by task."""
    body = []
    for (task, reading), own in padded(scores).groupby(["task", "reading"], sort=False):
        (score,) = over_runs(own, "difference").itertuples()
        body.append(
            {"Task": task_name(task), "Padded to": READINGS[reading], "Score": _interval(score, "{:+.2f}")}
            | {"Other class": f"{POINTS * own['changed'].mean():.1f} %"}
            | {f"{what.title()}, mean": f"{own[what].mean():.4f}" for what in ("gate", "logit")}
            | {f"{what.title()}, largest": f"{own[f'{what}_max'].max():.3f}" for what in ("gate", "logit")}
            | {"Rows": f"{own['rows'].max():,}", "Runs": str(len(own))}
        )
    return _shown(pd.DataFrame(body))


def scale_cells(scores: Scores, examples: int) -> pd.DataFrame:
    """The score of every cell of the sweep of LoRA's scale, and the range that it moves in."""
    frame = by_scale(scores, examples)
    found = ranges(scores, examples)
    body = []
    for (task, gated), own in frame.groupby(["task", "gated"], sort=False):
        reach = found.loc[found["task"] == task, "with" if gated else "without"]
        body.append(
            {"Task": task_name(task), "Gate": "yes" if gated else "no"}
            | {f"Scale {one.name}": in_cell(one, "{:.1f}") for one in own.itertuples(index=False)}
            | {"Best − worst": f"{reach.mean():.1f}" if len(reach) else NOT_RUN}
        )
    return _shown(pd.DataFrame(body))


def scale_pairs(scores: Scores, examples: int) -> pd.DataFrame:
    """Other scales against the default one, and the range of scores, without gate, with gate, and their difference."""
    body = []
    for comparison, own in scale_differences(scores, examples).groupby("comparison", sort=False):
        body.append({"Score": comparison} | {one.kind: one.state or _interval(one) for one in own.itertuples()})
    if len(swept(scores)):
        (narrower,) = over_runs(ranges(scores, examples), "narrower").itertuples()
        (without,), (with_gate,) = (
            over_runs(ranges(scores, examples), side).itertuples() for side in ("without", "with")
        )
        kinds = {"without gate": without, "with gate": with_gate, "without − with": narrower}
        body.append(
            {"Score": "best scale − worst, of each run"} | {kind: _interval(one) for kind, one in kinds.items()}
        )
    return _shown(pd.DataFrame(body))


def size_cells(scores: Scores, examples: int) -> pd.DataFrame:
    """The scores of the cells whose sizes are compared."""
    names = list(dict.fromkeys(name for pair in SIZES for name in pair))
    frame = cells(scores, ("method", "task"), method=names, examples=examples)
    compared = {(base, task) for other, base in SIZES for task in frame.loc[frame["method"] == other, "task"]}
    others = {other for other, _ in SIZES}
    body = [
        {"Method": METHOD_NAMES[dict(SIZES).get(one.method, one.method)], "Size": sized(scores, one.method)}
        | {"Task": task_name(one.task), "Score": in_cell(one, "{:.1f}"), "Seeds": str(one.seeds)}
        for one in frame.itertuples()
        if one.method in others or (one.method, one.task) in compared
    ]
    return _shown(pd.DataFrame(body))


def _interval(one: Any, number: str = "{:+.1f}") -> str:
    if np.isnan(one.mean):
        return NOT_RUN
    return interval(one, number) if np.isfinite(one.low) else number.format(one.mean).replace("-", "−")


def _shown(frame: pd.DataFrame) -> pd.DataFrame:
    return frame if len(frame) else pd.DataFrame({"Runs": [NOT_RUN]})
