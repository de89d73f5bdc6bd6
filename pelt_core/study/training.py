"""What all kinds of runs do alike: grow the method on the backbone, train, and write down how that went."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from datasets import Dataset
from torch import nn
from transformers import PreTrainedModel

from pelt_core.attachment import attach
from pelt_core.precision import DTYPES, cast_backbone
from pelt_core.study.run import Run
from pelt_core.train import fit


def begin(run: Run, model: PreTrainedModel) -> dict[str, Any]:
    """Grows the run's method on its backbone, where there is an accelerator, there; the row as far as it is known."""
    if accelerator := torch.accelerator.current_accelerator(check_available=True):
        nn.Module.to(model, accelerator)
    size = (
        cast(PreTrainedModel, model.base_model).num_parameters()
        if run.made_for == "classification"
        else model.num_parameters()
    )
    attach(model, run.method, seed=run.seed)
    cast_backbone(model, DTYPES[run.precision])
    return {
        "key": run.key,
        "run": run.to_dict(),
        "backbone_parameters": size,
        "backbone_revision": getattr(model.config, "_commit_hash", None),
        "trainable_parameters": model.num_parameters(only_trainable=True),
        "status": "finished",
        "metrics": {},
        "seconds": {},
        "loss_curve": [],
    }


def train(row: dict[str, Any], run: Run, model: PreTrainedModel, rows: Dataset, workdir: Path, **more: Any) -> None:
    """Trains `model` as the run says, and enters into its row how that went.

    Args:
        row: as `begin` made it.
        run: what to do.
        model: carries the method.
        rows: encoded.
        workdir: for checkpoints; other threads round otherwise, so they have others.
        more: for `pelt_core.train.fit`.
    """
    trained = fit(
        model,
        rows,
        learning_rate=run.learning_rate,
        epochs=run.epochs,
        batch_size=run.batch_size,
        warmup=run.warmup,
        weight_decay=run.weight_decay,
        seed=run.seed,
        workdir=workdir / f"threads-{torch.get_num_threads()}",
        **more,
    )
    # JSON has no number that is not finite.
    curve = [[step, loss if math.isfinite(loss) else None] for step, loss in trained.loss_curve]
    row |= {"status": trained.status, "loss_curve": curve, "training_rows": len(rows)}
    row |= {"tokens": trained.tokens, "peak_memory_bytes": trained.peak_memory_bytes}
    row["seconds"]["train"] = round(trained.seconds, 3)


def recordable(measured: Mapping[str, float]) -> dict[str, float | None]:
    """The same by name with None for what is not finite, as JSON has no such number."""
    return {name: value if math.isfinite(value) else None for name, value in measured.items()}


def finite(metrics: Mapping[str, Mapping[str, float]]) -> bool:
    """Whether all metrics of a row are finite; the last update of a training may overflow, which `fit` does not see."""
    return all(math.isfinite(value) for of_sets in metrics.values() for value in of_sets.values())
