"""Rows of made-up few-example runs, for a ledger in a temporary folder. None of them is ever committed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from synthetic import PROVENANCE

from pelt_core import specification
from pelt_core.data.glue.metrics import metric
from pelt_core.data.glue.tasks import task
from pelt_core.study.ledger import Ledger
from pelt_core.study.run import ClassificationRun

SKILL = 0.6
"""Share of the items that a method knows; it guesses the others."""


def fill(
    ledger: Ledger, runs: Sequence[ClassificationRun], items: int = 40, skills: Mapping[str, float] | None = None
) -> None:
    """Record every run.

    Args:
        ledger: where to.
        runs: which ones.
        items: tested.
        skills: method specification -> its skill instead of `SKILL`.
    """
    for number, run in enumerate(runs):
        ledger.write(*few_shot_row(run, items, (skills or {}).get(run.method, SKILL), number))


def few_shot_row(
    run: ClassificationRun, items: int = 40, skill: float = SKILL, number: int = 0
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The row and the records of a run; which items are hard depends on the task alone, so that pairing helps."""
    of, rng = task(run.task), np.random.default_rng(number)
    gold = _gold(run, items)
    knows = np.random.default_rng(1).random(items) + 0.1 * rng.standard_normal(items) < skill
    guesses = rng.permutation(gold).tolist()
    extracted = [right if known else guess for right, known, guess in zip(gold, knows, guesses, strict=True)]
    scored = metric(run.task, extracted, gold)
    accuracy = {"accuracy": float(np.mean(np.equal(extracted, gold)))} if of.labels else {}
    measured = {**scored, **accuracy, "loss": 1.5 - skill}
    gated = any(group.gate is not None for group in specification.parse(run.method).groups)
    row = {
        "key": run.key,
        "run": run.to_dict(),
        "status": "finished",
        "metrics": {name: {run.task: value} for name, value in measured.items()},
        "dev": [{name: 0.9 * value for name, value in measured.items()}, measured],
        "best_epoch": 2,
        "trainable_parameters": 1000 + 10 * len(run.method),
        "backbone_parameters": 22_565_376,
        "training_rows": run.examples,
        "loss_curve": [[1, 1.0], [2, 0.5]],
        "tokens": 1000,
        "seconds": {"train": 10.0, "evaluate": 5.0},
        "gates": _gates(measured) if gated else {},
        "provenance": PROVENANCE,
    }
    names = [f"{run.task}-{run.test_from}-{i}" for i in range(items)]
    records = [
        {
            "set": run.task,
            "id": name,
            "prompt_sha256": "0" * 12,
            "output": [0.0] * max(1, len(of.labels)),
            "extracted": given,
            "gold": right,
            "correct": bool(given == right) if of.labels else None,
            "loss": 1.0,
            **({"gates": {"lora": 0.4, "prefix": 0.5, "pfeiffer": 0.6}} if gated else {}),
        }
        for name, given, right in zip(names, extracted, gold, strict=True)
    ]
    return row, records


def _gold(run: ClassificationRun, items: int) -> list[Any]:
    classes = len(task(run.task).labels)
    return [i % classes if classes else float(i % 11) / 2 for i in range(items)]


def _gates(measured: dict[str, float]) -> dict[str, Any]:
    return {
        "names": [
            f"{layer} {at}" for layer in range(6) for at in ("q lora", "v lora", "kv prefix", "mlp_norm pfeiffer")
        ],
        "dev": [[0.5] * 24, [0.3, 0.4, 0.5, 0.6] * 6],
        "test": [0.3, 0.4, 0.5, 0.6] * 6,
        "test_deviation": [0.01] * 24,
        "forced": {"rows": 40, "free": measured, "0.0": measured, "0.5": measured, "1.0": measured},
    }
