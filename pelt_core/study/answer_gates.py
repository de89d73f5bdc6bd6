"""What the row of a gated language model says of its gates: over layers, over data sets, and when they are forced."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from datasets import Dataset
from transformers import PreTrainedModel

from pelt_core.evaluate import AnswerLoss, answer_loss
from pelt_core.recording import forced_gates, is_gated, recorded_gates
from pelt_core.study.gate_values import DIGITS, FORCED
from pelt_core.study.training import recordable

FORCED_ROWS = 30
"""At most so many answers of each set are read with forced gates, as that is done several times."""


def losses(model: PreTrainedModel, rows: Dataset, record: dict[str, Any], name: str) -> list[AnswerLoss]:
    """The losses of worked answers; into `record` the gates that were open meanwhile, of a model that has some.

    Args:
        model: with its method.
        rows: encoded, see `pelt_core.evaluate.answer_loss`.
        record: what belongs into the row. `names`: layer, position and method of each gate. `answers`: data set -> the
            mean of each over question and answer, and over the answers.
        name: of the data set.
    """
    if not is_gated(model):
        return answer_loss(model, rows)
    with recorded_gates(model) as records:
        found = answer_loss(model, rows)
    values: dict[str, list[float]] = {}
    for one in records:
        values.setdefault(f"{one['layer']} {one['position']} {one['method']}", []).append(one["gate"])
    record["names"] = list(values)
    record.setdefault("answers", {})[name] = [round(fmean(own), DIGITS) for own in values.values()]
    return found


def force(model: PreTrainedModel, solved: Mapping[str, Dataset], record: dict[str, Any]) -> None:
    """Adds `forced` to the record: the losses of the first `FORCED_ROWS` answers when every gate has one value.

    For `free` and for each of `FORCED`, data set -> mean loss in nats, None where it is not finite, as a training with
    free gates need not leave a model that works with others; nothing of a model without gates.
    """
    if not is_gated(model):
        return
    first = {name: rows.select(range(min(len(rows), FORCED_ROWS))) for name, rows in solved.items()}
    record["forced"] = {"free": _means(model, first)}
    for value in FORCED:
        with forced_gates(model, value):
            record["forced"][str(value)] = _means(model, first)


def _means(model: PreTrainedModel, solved: Mapping[str, Dataset]) -> dict[str, float | None]:
    return recordable(
        {name: round(fmean(one.loss for one in answer_loss(model, rows)), DIGITS) for name, rows in solved.items()}
    )
