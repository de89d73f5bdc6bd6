"""The gates of recorded runs: by layer and module, over training, and of single test rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from pelt_core import specification
from pelt_core.report.few_shot.over_runs import RUN
from pelt_core.report.few_shot.state import selected
from pelt_core.study.run import ClassificationRun
from pelt_core.study.scores import Scores

GATES = {
    "kv prefix": "Prefix",
    "kv mlp_prefix": "Prefix",
    "q lora": "LoRA, query",
    "v lora": "LoRA, value",
    "mlp_norm pfeiffer": "Adapter",
}
"""Position and method of a gate, as its row names it -> what the page calls it, in the order of a layer's work."""
MODULES = {"prefix": "Prefix", "mlp_prefix": "Prefix", "lora": "LoRA", "pfeiffer": "Adapter"}
START = 0.5
"""About where every gate starts, whatever it reads."""


def gated(scores: Scores, **where: Any) -> list[ClassificationRun]:
    """The finished runs that recorded gates, in the order of the grid; `where` as in `selected`."""
    runs = selected(scores, **where)
    return [r for r in runs if r.key in scores.rows and scores.rows[r.key].get("gates", {}).get("test")]


def shown(study: Scores, every: Scores) -> Scores:
    """The rows that the page on gates reads: those of its study, and of other studies those with gates.

    Args:
        study: the study of gates.
        every: it and the others.
    """
    own = {run.key for run in study.runs}
    runs = tuple(run for run in every.runs if run.key in own or _has_gates(run))
    return replace(every, runs=runs, rows={run.key: every.rows[run.key] for run in runs if run.key in every.rows})


def described(scores: Scores, run: ClassificationRun) -> dict[str, Any]:
    """The fields that `RUN` names, `method` by its short name."""
    return {name: getattr(run, name) for name in RUN} | {"method": scores.names[run.method]}


def by_site(scores: Scores, **where: Any) -> pd.DataFrame:
    """Every gate of every run on test rows.

    Returns:
        Columns of `RUN`, gate (of `GATES`), layer (from 1), mean, and spread, the standard deviation between rows.
    """
    lines = []
    for run in gated(scores, **where):
        record = scores.rows[run.key]["gates"]
        for name, mean, spread in zip(record["names"], record["test"], record["test_deviation"], strict=True):
            lines.append(described(scores, run) | _site(name) | {"mean": mean, "spread": spread})
    return pd.DataFrame(lines, columns=[*RUN, "gate", "layer", "mean", "spread"])


def over_training(scores: Scores, run: ClassificationRun) -> pd.DataFrame:
    """Every gate on development rows after every epoch: columns gate, layer, epoch (from 1), mean."""
    record = scores.rows[run.key]["gates"]
    lines = [
        _site(name) | {"epoch": epoch, "mean": mean}
        for epoch, means in enumerate(record["dev"], 1)
        for name, mean in zip(record["names"], means, strict=True)
    ]
    return pd.DataFrame(lines, columns=["gate", "layer", "epoch", "mean"])


def of_items(scores: Scores, run: ClassificationRun) -> pd.DataFrame:
    """The gates of every test row, the mean of each module's: columns module, gate, correct."""
    items = scores.ledger.items(run)
    lines = [
        {"module": MODULES.get(module, module), "gate": value, "correct": item["correct"]}
        for item in items
        for module, value in item["gates"].items()
    ]
    return pd.DataFrame(lines, columns=["module", "gate", "correct"])


def right_and_wrong(scores: Scores, runs: Sequence[ClassificationRun]) -> pd.DataFrame:
    """Whether a gate tells right answers from wrong ones, a line a run and module.

    Runs of a task without classes, and those that get all right or all wrong, say nothing of it and are left out.

    Returns:
        Columns of `RUN`, module, difference (the mean gate of rows answered right − that of rows answered wrong), and
        above, the share of pairs of a right and a wrong row in which the right one has the larger gate, less one half
        (a Mann-Whitney statistic: 0 where the gate tells nothing).
    """
    from scipy.stats import mannwhitneyu

    lines = []
    for run in runs:
        for module, own in of_items(scores, run).dropna().groupby("module", sort=False):
            right = own.loc[own["correct"].astype(bool), "gate"]
            wrong = own.loc[~own["correct"].astype(bool), "gate"]
            if len(right) and len(wrong):
                above = mannwhitneyu(right, wrong).statistic / (len(right) * len(wrong)) - 0.5
                line = {"module": module, "difference": right.mean() - wrong.mean(), "above": above}
                lines.append(described(scores, run) | line)
    return pd.DataFrame(lines, columns=[*RUN, "module", "difference", "above"])


def _has_gates(run: ClassificationRun) -> bool:
    return any(group.gate is not None for group in specification.parse(run.method).groups)


def _site(name: str) -> dict[str, Any]:
    layer, where = name.split(" ", 1)
    return {"gate": GATES.get(where, where), "layer": int(layer) + 1}
