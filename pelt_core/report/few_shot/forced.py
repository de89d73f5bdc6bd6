"""What becomes of a run when its gates are forced, and when they count the padding of a batch."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pelt_core.data.glue.tasks import task
from pelt_core.report.few_shot.gates import GATES, described, gated
from pelt_core.report.few_shot.over_runs import RUN
from pelt_core.report.few_shot.state import selected
from pelt_core.study.run import ClassificationRun
from pelt_core.study.scores import POINTS, Scores

FORCED = {"0.0": "shut, 0", "0.5": "half open, 0.5", "1.0": "open, 1"}
"""What all gates of a run were forced to."""
READINGS = {"batch": "the longest text of a batch", "max_length": "the longest length"}
"""How rows were padded when they were read again, see `pelt_core.study.padding_probe`."""


def forced(scores: Scores, **where: Any) -> pd.DataFrame:
    """What forcing all gates adds to the score of the same rows with free gates, a line a run and value.

    A run whose score is not finite under one of the values has no line, see `not_finite`.

    Returns:
        Columns of `RUN`, value (of `FORCED`), rows (how many were read), difference in points.
    """
    lines = []
    for run in gated(scores, **where):
        record = scores.rows[run.key]["gates"]["forced"]
        read = {value: record[value][task(run.task).metric] for value in ("free", *FORCED)}
        if None not in read.values():
            differences = {value: POINTS * (read[value] - read["free"]) for value in FORCED}
            own = {"rows": record["rows"], **described(scores, run)}
            lines += [own | {"value": value, "difference": found} for value, found in differences.items()]
    return pd.DataFrame(lines, columns=[*RUN, "value", "rows", "difference"])


def not_finite(scores: Scores) -> int:
    """How many runs are left out, as their score is not finite when their gates are forced."""
    return len(gated(scores)) - len(forced(scores)) // len(FORCED)


def padded(scores: Scores, **where: Any) -> pd.DataFrame:
    """What padding does to gates, logits and scores, a line a run and reading.

    Returns:
        Columns of `RUN`, reading (of `READINGS`), rows, difference in points of the score against rows read alone,
        changed (share of rows that get another class), gate, gate_max, logit, logit_max (mean and largest change).
    """
    lines = []
    for run in _probed(scores, **where):
        record, measure = scores.rows[run.key]["padded"], task(run.task).metric
        for name in READINGS:
            reading = record[name]
            line = {"reading": name, "rows": record["rows"], "changed": reading["changed"]}
            line["difference"] = POINTS * (reading["metrics"][measure] - record["alone"]["metrics"][measure])
            for what in ("gate", "logit"):
                line |= {what: reading[what]["mean"], f"{what}_max": reading[what]["max"]}
            lines.append(described(scores, run) | line)
    columns = ["reading", "rows", "difference", "changed", "gate", "gate_max", "logit", "logit_max"]
    return pd.DataFrame(lines, columns=[*RUN, *columns])


def padded_by_site(scores: Scores, **where: Any) -> pd.DataFrame:
    """How far padding moves each gate's mean over rows: columns of `RUN`, reading, gate, layer, moved."""
    lines = []
    for run in _probed(scores, **where):
        row = scores.rows[run.key]
        for reading in READINGS:
            pairs = zip(
                row["gates"]["names"], row["padded"][reading]["gates"], row["padded"]["alone"]["gates"], strict=True
            )
            for name, now, before in pairs:
                layer, site = name.split(" ", 1)
                line = {"reading": reading, "gate": GATES.get(site, site), "layer": int(layer) + 1}
                lines.append(described(scores, run) | line | {"moved": now - before})
    return pd.DataFrame(lines, columns=[*RUN, "reading", "gate", "layer", "moved"])


def _probed(scores: Scores, **where: Any) -> list[ClassificationRun]:
    return [run for run in selected(scores, **where) if "padded" in scores.rows.get(run.key, {})]
