"""Runs of classification, carried out and checked beforehand."""

from __future__ import annotations

import hashlib
import math
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
import torch.nn.functional as F
from datasets import Dataset
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from pelt_core import backbones
from pelt_core.best_epoch import BestEpoch
from pelt_core.data.batches import encode_apart, encode_texts
from pelt_core.data.glue.few_shot import FewShot, tested_rows
from pelt_core.data.glue.metrics import metric
from pelt_core.data.glue.tasks import Task, task
from pelt_core.drawing import drawn_from
from pelt_core.in_place import head_parameters
from pelt_core.precision import fast_fp32
from pelt_core.study import kept, padding_probe
from pelt_core.study.gate_values import DIGITS, GateValues
from pelt_core.study.run import ClassificationRun
from pelt_core.study.training import begin, finite, recordable, train

HASH_DIGITS = 12


def execute(run: ClassificationRun, workdir: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """As `pelt_core.study.execute.execute`, for a run of this kind; the tested tensors are those of the best epoch.

    The row also has `source` and `sample_sha256` of the rows, `dev`, metric and loss after each epoch, and
    `best_epoch`, counted from 1, and `gates`, see `pelt_core.study.gate_values`; where gates count padding, `padded`,
    see `pelt_core.study.padding_probe`. The records of items are rounded, as there are many, to `DIGITS` digits behind
    the point, and have the first digits of the texts' hashes.
    """
    of, sample = task(run.task), _sample(run)
    tokenizer = kept.tokenizer(run.backbone)
    test = tested_rows(run.task, sample.test, run.test_rows)
    encoded = {name: _encoded(run, tokenizer, rows) for name, rows in _parts(sample, test).items()}
    fast_fp32()
    with drawn_from(run.seed):
        model = backbones.load_classifier(run.backbone, run.pooling, max(1, len(of.labels)))
    if not of.labels:  # scores are far from 0, and a small learning rate would take epochs to get there
        nn.init.constant_(model.get_parameter("classifier.bias"), fmean(sample.train["label"]))
    row = begin(run, model)
    if not run.train_head:
        for name in head_parameters(model):
            model.get_parameter(name).requires_grad_(False)
    row["trainable_parameters"] = model.num_parameters(only_trainable=True)
    row |= {"source": sample.source, "sample_sha256": sample.digest, "dev": []}

    gates = GateValues(model)

    def score() -> tuple[float, float]:
        measured = _measured(of, gates.dev_logits(encoded["dev"]), sample.dev)
        row["dev"].append(recordable(measured))
        return measured[of.metric], measured["loss"]

    best = BestEpoch(score, run.patience)
    shutil.rmtree(workdir, ignore_errors=True)  # the scores of epochs before an interruption are lost
    rate = run.head_learning_rate if run.train_head else None
    train(row, run, model, encoded["train"], workdir, head_learning_rate=rate, callbacks=[best])
    if row["status"] == "diverged":
        return row, []
    best.restore(model)
    row["best_epoch"] = best.best
    started = time.perf_counter()
    found, open_gates = gates.test_logits(encoded["test"])
    row["seconds"]["evaluate"] = round(time.perf_counter() - started, 3)
    metrics = {name: {run.task: value} for name, value in _measured(of, found, test).items()}
    if not finite(metrics):
        return row | {"status": "diverged"}, []
    row["metrics"] = metrics

    def of_the_first(read: Tensor) -> dict[str, float | None]:
        return recordable(_measured(of, read, test.select(range(len(read)))))

    gates.force(encoded["test"], of_the_first)
    row["gates"] = gates.record
    if padding_probe.counts_padding(model):
        probed = padding_probe.probe(model, encoded["test"], run.max_length, of_the_first)
        row |= {"padded": probed} if probed else {}
    return row, [item | gate for item, gate in zip(_items(of, found, test), open_gates, strict=True)]


def check(runs: Sequence[ClassificationRun]) -> None:
    """As `pelt_core.study.check.check`, for runs of this kind."""
    for run in {(r.task, r.examples, r.dev_rows, r.train_from, r.test_from): r for r in runs}.values():
        _sample(run)
    for backbone, pooling in dict.fromkeys((run.backbone, run.pooling) for run in runs):
        backbones.meta_classifier(backbone, pooling, 2)


def _sample(run: ClassificationRun) -> FewShot:
    return kept.sample(run.task, run.examples, run.shuffle, run.dev_rows, run.train_from, run.test_from)


def _parts(sample: FewShot, test: Dataset) -> dict[str, Dataset]:
    return {"train": sample.train, "dev": sample.dev, "test": test}


def _encoded(run: ClassificationRun, tokenizer: PreTrainedTokenizerBase, rows: Dataset) -> Dataset:
    return (encode_apart if run.pooling == "pair" else encode_texts)(tokenizer, rows, run.max_length)


def _measured(of: Task, found: Tensor, rows: Dataset) -> dict[str, float]:
    """The task's metric, accuracy if the task has classes, and the mean loss of the rows, in nats or squared.

    All are not a number if a logit is none: a training that diverges is found out at the end of an epoch only.
    """
    if not found.isfinite().all():
        return dict.fromkeys((of.metric, *["accuracy"] * bool(of.labels), "loss"), math.nan)
    labels, predicted = rows["label"][:], _predicted(of, found)
    measured = metric(of.name, predicted, labels)
    if of.labels:
        measured["accuracy"] = sum(p == y for p, y in zip(predicted, labels, strict=True)) / len(labels)
    return {**measured, "loss": float(_losses(of, found, labels).mean())}


def _predicted(of: Task, found: Tensor) -> list[Any]:
    return (found.argmax(1) if of.labels else found[:, 0]).tolist()


def _losses(of: Task, found: Tensor, labels: Sequence[float]) -> Tensor:
    target = torch.tensor(labels)
    return F.cross_entropy(found, target, reduction="none") if of.labels else (found[:, 0] - target).square()


def _items(of: Task, found: Tensor, rows: Dataset) -> list[dict[str, Any]]:
    """One record for every text, or pair of texts: what the model gave, what is right, and the loss."""
    columns = (rows, found.tolist(), _predicted(of, found), _losses(of, found, rows["label"][:]).tolist())
    return [
        {
            "set": of.name,
            "id": row["id"],
            "prompt_sha256": hashlib.sha256(f"{row['text']}\n{row['text_pair']}".encode()).hexdigest()[:HASH_DIGITS],
            "output": [round(value, DIGITS) for value in given],
            "extracted": predicted if of.labels else round(predicted, DIGITS),
            "gold": row["label"],
            "correct": predicted == row["label"] if of.labels else None,
            "loss": round(loss, DIGITS),
        }
        for row, given, predicted, loss in zip(*columns, strict=True)
    ]
