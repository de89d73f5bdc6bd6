"""What a model knows of a held-out set: the loss of its answers, and the answers it writes itself."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
from datasets import Dataset
from tqdm import tqdm
from transformers import PreTrainedModel

from pelt_core.data.batches import collate
from pelt_core.data.catalogue import answer_kind
from pelt_core.data.readings import readings
from pelt_core.loss import predicted_positions, token_losses
from pelt_core.precision import backbone_in
from pelt_core.unpadding import can_unpad, unpadded


class AnswerLoss(NamedTuple):
    """The loss of one answer.

    Attributes:
        loss: mean of -log p(y_t | y_<t) over the answer's tokens, in nats.
        tokens: how many tokens that is, the end token among them.

    """

    loss: float
    tokens: int


@torch.inference_mode()
def answer_loss(model: PreTrainedModel, rows: Dataset, *, batch_size: int = 8) -> list[AnswerLoss]:
    """The loss of every row's answer, all in fp32: in bf16 it would read up to 0.09 nats too high.

    Args:
        model: a causal language model; its backbone is fp32 for as long as this takes.
        rows: columns `input_ids` and `labels`, see `pelt_core.data.batches.encode`.
        batch_size: rows at once, similar in length; no padding is computed.

    Returns:
        One loss a row, in the order of the rows.

    """
    model.eval()
    lengths = [len(ids) for ids in rows["input_ids"]]
    longest_first = sorted(range(len(rows)), key=lambda i: -lengths[i])
    losses: dict[int, AnswerLoss] = {}
    with (
        backbone_in(model, torch.float32),
        unpadded(model) if can_unpad(model) else nullcontext(),
        tqdm(total=len(rows), desc="answer loss", unit="row", disable=None, leave=False) as bar,
    ):
        for start in range(0, len(rows), batch_size):
            batch = longest_first[start : start + batch_size]
            inputs = {name: t.to(model.device) for name, t in collate([rows[i] for i in batch]).items()}
            parts = token_losses(model, **inputs).split(predicted_positions(inputs["labels"]).sum(1).tolist())
            losses |= {i: AnswerLoss(part.mean().item(), len(part)) for i, part in zip(batch, parts, strict=True)}
            bar.update(len(batch))
    return [losses[i] for i in range(len(rows))]


def score(
    name: str,
    rows: Iterable[Mapping[str, Any]],
    prompts: Sequence[str],
    outputs: Sequence[str],
    losses: Mapping[str, AnswerLoss],
) -> list[dict[str, Any]]:
    """One record a question: what the model wrote, what answer is read out of it, and whether that is right.

    Its fields are those of `pelt_core.data.readings.readings`, and beside them `set`, `id`, `gold`, `output`,
    `prompt_sha256`, and the `loss` of the true answer with its `loss_tokens`.

    Args:
        name: of the evaluation set.
        rows: the questions, with `id` and `answer`.
        prompts: what the model was given for each.
        outputs: what it wrote.
        losses: id -> the loss of the true answer, for the questions that have one.

    """
    kind = answer_kind(name)
    records = []
    for row, prompt, output in zip(rows, prompts, outputs, strict=True):
        loss = losses.get(row["id"])
        records.append(
            {
                "set": name,
                "id": row["id"],
                "prompt_sha256": hashlib.sha256(prompt.encode()).hexdigest(),
                "output": output,
                "gold": row["answer"],
                **readings(kind, output, row["answer"]),
                "loss": loss.loss if loss else None,
                "loss_tokens": loss.tokens if loss else 0,
            }
        )
    return records


def of_losses(name: str, losses: Mapping[str, AnswerLoss]) -> list[dict[str, Any]]:
    """One record a question that the model is not asked: `set`, `id`, `loss` of the true answer, and `loss_tokens`.

    Args:
        name: of the set.
        losses: by id.

    """
    return [{"set": name, "id": id, "loss": found.loss, "loss_tokens": found.tokens} for id, found in losses.items()]


ACCURACIES = {
    "accuracy": "correct",
    "accuracy_published": "correct_published",
    "accuracy_equation": "equation_correct",
    "accuracy_label": "label_correct",
    "accuracy_cloze": "cloze_correct",
    "accuracy_cloze_by_token": "cloze_correct_by_token",
}
"""Each accuracy of a summary, and the field of a record whose mean it is."""


LOSSES = {"answer_loss": "loss", "text_loss": "text_loss"}
"""Each loss of a summary, and the field of a record whose mean it is, in nats."""


def summarise(items: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Records -> `{"accuracy": {set: share of correct answers}, "answer_loss": {set: nats an answer token}, ...}`.

    Each record counts the same. A mean is over the records that have the field, and is there for the sets that have
    such records; `accuracy` and `answer_loss` are always there.
    """
    found: dict[str, dict[str, list[float]]] = {"accuracy": {}, "answer_loss": {}}
    for item in items:
        for metric, field in (ACCURACIES | LOSSES).items():
            if item.get(field) is not None:
                found.setdefault(metric, {}).setdefault(item["set"], []).append(item[field])
    return {metric: {name: math.fsum(of) / len(of) for name, of in sets.items()} for metric, sets in found.items()}
