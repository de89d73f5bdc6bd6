"""Rows of made-up runs whose gates differ by layer, task, epoch and row. None of them is ever committed."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from few_shot_rows import SKILL, few_shot_row

from pelt_core import specification
from pelt_core.data.glue.metrics import metric
from pelt_core.data.glue.tasks import task
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.run import ClassificationRun
from pelt_core.study.scores import Scores, load, names

SITES = {
    "prefix": ["kv prefix"],
    "mlp_prefix": ["kv mlp_prefix"],
    "lora": ["q lora", "v lora"],
    "pfeiffer": ["mlp_norm pfeiffer"],
}
LAYERS, EPOCHS = 6, 4
SEEDS = 2
"""Of each cell of the made-up study of gates, whatever the budget records."""
FALLEN = ("lora", "prefix")
"""Methods that fall to one answer where the head is frozen."""
SHUT = -0.2
"""What shutting the gates adds to the score, as a fraction."""
MOVED = 0.05
"""How far padding moves every gate."""


_FOLDER = TemporaryDirectory()


@cache
def gates_study() -> Scores:
    """Every cell of the study of gates."""
    ledger = Ledger(Path(_FOLDER.name) / "gates")
    runs = grid("gates", "laptop", seeds=range(SEEDS))
    fill_gated(ledger, runs)
    return Scores(tuple(runs), names(["gates"], "laptop"), ledger.recorded(runs), ledger)


@cache
def frozen_study() -> Scores:
    """The study of the frozen head on two tasks; LoRA and the prefix give one answer where it is frozen."""
    ledger = Ledger(Path(_FOLDER.name) / "frozen")
    runs = [run for run in grid("frozen-head", "paper", seeds=[0, 1]) if run.task in ("sst2", "mrpc")]
    named = names(["frozen-head"], "paper")
    fallen = {run.key: 0.0 for run in runs if not run.train_head and named[run.method] in FALLEN}
    fill_gated(ledger, runs, skills=fallen)
    return load(["frozen-head"], "paper", ledger)


@cache
def nothing(study: str) -> Scores:
    """A study of which nothing is recorded."""
    return load([study], "laptop", Ledger(Path(_FOLDER.name) / "nothing"))


def fill_gated(
    ledger: Ledger, runs: Sequence[ClassificationRun], items: int = 40, skills: Mapping[str, float] | None = None
) -> None:
    """Record every run that is not there, those with gates with gates of their own.

    Args:
        ledger: where to.
        runs: which ones.
        items: tested.
        skills: key of a run -> its skill instead of the usual one; of none, it answers 1 to everything.
    """
    for number, run in enumerate(run for run in runs if not ledger.has(run)):
        skill = (skills or {}).get(run.key, SKILL)
        row, records = few_shot_row(run, items, skill, number)
        if not skill:
            _one_answer(run, row, records)
        if row["gates"]:
            _gate(run, row, records, np.random.default_rng(number))
        ledger.write(row, records)


def _one_answer(run: ClassificationRun, row: dict[str, Any], records: list[dict[str, Any]]) -> None:
    for record in records:
        record |= {"extracted": 1, "correct": record["gold"] == 1}
    scored = metric(run.task, [1] * len(records), [record["gold"] for record in records])
    row["metrics"] |= {name: {run.task: value} for name, value in scored.items()}


def _gate(run: ClassificationRun, row: dict[str, Any], records: list[dict[str, Any]], rng: np.random.Generator) -> None:
    method = specification.parse(run.method)
    sites = [f"{i} {site}" for i in range(LAYERS) for term in method.terms for site in SITES[term.name]]
    last = 0.5 + 0.06 * rng.standard_normal(len(sites)) + np.linspace(-0.1, 0.1, len(sites))
    own, measure = row["gates"], task(run.task).metric
    own |= {"names": sites, "test": last.tolist(), "test_deviation": [0.02] * len(sites)}
    own["dev"] = [(0.5 + share * (last - 0.5)).tolist() for share in np.linspace(0.1, 1, EPOCHS)]
    free = own["forced"]["free"]
    own["forced"] |= {"0.0": free | {measure: free[measure] + SHUT}}
    for record in records:
        shift = 0.03 * bool(record["correct"])
        record["gates"] = {term.name: float(0.5 + shift + 0.05 * rng.standard_normal()) for term in method.terms}
    if "padding=counted" in run.method:
        row["padded"] = {"rows": len(records), "alone": {"metrics": free, "gates": last.tolist()}}
        for reading, share in (("batch", 0.5), ("max_length", 1.0)):
            moved = {"mean": share * MOVED, "max": share * MOVED}
            row["padded"][reading] = {
                "metrics": free | {measure: free[measure] - 0.01 * share},
                "gates": (last + share * MOVED).tolist(),
                "changed": 0.1 * share,
                "gate": moved,
                "logit": moved,
            }
