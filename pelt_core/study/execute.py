"""A run, carried out: the one path from a value to its row, whatever the preset."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from pelt_core import backbones, choices, data, decode, evaluate, train
from pelt_core.attachment import attach
from pelt_core.data.extraction import rules
from pelt_core.data.prompts import INSTRUCTION_FOR, render
from pelt_core.precision import DTYPES, cast_backbone, fast_fp32
from pelt_core.study import kept
from pelt_core.study.run import Run


def execute(run: Run, workdir: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Trains and evaluates `run`.

    All data is read before the model is, so that a missing file stops a run at once. An interrupted training goes on
    from its last checkpoint in `workdir`.

    Returns:
        The row, without provenance, and the per-item records; a run whose loss ceases to be finite gives a row with
        the status "diverged", no metrics and no items.

    Raises:
        PeltError: for data or a backbone that is not there, or a run that makes no sense.
    """
    questions = {name: kept.questions(name, run.questions) for name in run.evaluate}
    how = (run.prompt, run.max_length)
    solved = {name: kept.worked_answers(run.backbone, name, run.questions, *how) for name in run.loss_sets}
    extractors = {name: rules(data.answer_kind(name), asked[0].get("answer", "")) for name, asked in questions.items()}
    rows = kept.training(run.backbone, run.train, run.seed, *how) if run.train else None
    fast_fp32()
    model = backbones.load_model(run.backbone)
    if accelerator := torch.accelerator.current_accelerator(check_available=True):
        nn.Module.to(model, accelerator)
    row: dict[str, Any] = {
        "key": run.key,
        "run": run.to_dict(),
        "backbone_parameters": model.num_parameters(),
        "backbone_revision": getattr(model.config, "_commit_hash", None),
        "extractors": {name: found.mended for name, found in extractors.items()},
        "extractors_published": {name: found.published for name, found in extractors.items()},
        "status": "finished",
        "metrics": {},
        "seconds": {},
        "loss_curve": [],
    }
    attach(model, run.method, seed=run.seed)
    cast_backbone(model, DTYPES[run.precision])
    row["trainable_parameters"] = model.num_parameters(only_trainable=True)
    if rows is not None:
        trained = train.fit(
            model,
            rows,
            learning_rate=run.learning_rate,
            epochs=run.epochs,
            batch_size=run.batch_size,
            warmup=run.warmup,
            weight_decay=run.weight_decay,
            seed=run.seed,
            workdir=workdir / f"threads-{torch.get_num_threads()}",  # other threads round otherwise
        )
        # JSON has no number that is not finite.
        curve = [[step, loss if math.isfinite(loss) else None] for step, loss in trained.loss_curve]
        row |= {"status": trained.status, "loss_curve": curve, "training_rows": len(rows)}
        row |= {"tokens": trained.tokens, "peak_memory_bytes": trained.peak_memory_bytes}
        row["seconds"]["train"] = round(trained.seconds, 3)
    if row["status"] == "diverged":
        return row, []
    started = time.perf_counter()
    items = _items(run, model, questions, solved)
    row["seconds"]["evaluate"] = round(time.perf_counter() - started, 3)
    row["metrics"] = evaluate.summarise(items)
    return row, items


def _items(
    run: Run, model: PreTrainedModel, questions: Mapping[str, Any], solved: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """One record for every question: what was asked, written, found and expected, and the loss of the true answer.

    The model writes its answer behind the whole question, also where it was trained on the cloze form.
    """
    prompt, tokenizer = INSTRUCTION_FOR.get(run.prompt, run.prompt), kept.tokenizer(run.backbone)
    prompts = {name: [render(prompt, q) for q in rows["question"]] for name, rows in questions.items()}
    all_prompts = [text for group in prompts.values() for text in group]
    written = iter(decode.generate(model, tokenizer, all_prompts, max_new_tokens=run.max_new_tokens))
    outputs = {name: [next(written) for _ in group] for name, group in prompts.items()}
    items: list[dict[str, Any]] = []
    for name, rows in questions.items():
        losses = {}
        if name in solved:
            measured = evaluate.answer_loss(model, solved[name])
            losses = dict(zip(solved[name]["id"], measured, strict=True))
        records = evaluate.score(name, rows, prompts[name], outputs[name], losses)
        if data.answer_kind(name) == "choice":
            likelihoods = choices.score(model, tokenizer, list(rows), prompts[name])
            records = [record | fields for record, fields in zip(records, likelihoods, strict=True)]
        items += records
    return items
