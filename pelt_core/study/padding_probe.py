"""How the score of a row depends on its batch, where gates count the padding.

UniPELT's released code takes a gate's mean over all positions of a row, those of the padding too (Mao et al. 2022,
section 3.2, has no mask), and its loader pads every text to the longest length there may be. The same text then has
other gates, and other logits, beside longer texts or under another longest length. Here training pads nothing, see
`pelt_core.modules.gates.SequenceGate`, so that both means are trained alike: what is measured is padding that comes
in at inference alone, not what gates learn when they are trained with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from transformers import PreTrainedModel

from pelt_core.classify import logits_and_gates, padded_logits_and_gates
from pelt_core.modules.gates import LinearGate

ROWS = 500
"""At most so many rows are read, as that is done three times."""
SIZE = 16
"""Rows of a batch, UniPELT's own."""
DIGITS = 6

Gates = Mapping[tuple[int, str, str], Tensor]


def counts_padding(model: PreTrainedModel) -> bool:
    """Whether a gate of the attached method takes its mean over the padding too."""
    return any(isinstance(module, LinearGate) and module.padding == "counted" for module in model.modules())


def probe(
    model: PreTrainedModel, rows: Dataset, max_length: int, measure: Callable[[Tensor], dict[str, float | None]]
) -> dict[str, Any] | None:
    """What becomes of the first `ROWS` rows under padding.

    Args:
        model: a classifier with a gated method.
        rows: encoded, in the order of their split.
        max_length: the longest that a text can be.
        measure: of the logits of the first rows, as many as it is given: names and numbers.

    Returns:
        `rows`, how many were read, and three readings. `alone`: each text without padding, what the others are compared
        with. `batch`: in batches of `SIZE`, padded to the longest text of each. `max_length`: padded to that. Each has
        `metrics`, what `measure` says, and `gates`, the mean of each gate, in the order of the row's `gates.names`; the
        two last also `changed`, the share of rows that get another class (0 where there is none), and the mean and the
        largest absolute change, `{"mean": ..., "max": ...}`, of a `logit` and of a `gate`. None if a logit is
        not finite under padding, as nothing can be compared then.

    Raises:
        RecordingError: the method has no gates.
    """
    first = rows.select(range(min(len(rows), ROWS)))
    alone, alone_gates = logits_and_gates(model, first)
    record: dict[str, Any] = {"rows": len(first), "alone": _reading(alone, alone_gates, measure)}
    for name, width in (("batch", 0), ("max_length", max_length)):
        found, gates = padded_logits_and_gates(model, first, SIZE, width)
        if not found.isfinite().all():
            return None
        record[name] = _reading(found, gates, measure) | {
            "changed": float((found.argmax(1) != alone.argmax(1)).float().mean()),
            "logit": _change(found, alone),
            "gate": _change(_stacked(gates), _stacked(alone_gates)),
        }
    return record


def _reading(found: Tensor, gates: Gates, measure: Callable[[Tensor], dict[str, float | None]]) -> dict[str, Any]:
    return {"metrics": measure(found), "gates": [_rounded(each.mean()) for each in gates.values()]}


def _stacked(gates: Gates) -> Tensor:
    return torch.stack([gates[name] for name in sorted(gates)])


def _change(now: Tensor, before: Tensor) -> dict[str, float]:
    change = (now - before).abs()
    return {"mean": _rounded(change.mean()), "max": _rounded(change.max())}


def _rounded(value: Tensor) -> float:
    return round(float(value), DIGITS)
