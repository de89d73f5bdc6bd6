"""What the row of a gated classifier says of its gates: over training, over examples, and when they are forced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from transformers import PreTrainedModel

from pelt_core.classify import logits, logits_and_gates
from pelt_core.recording import forced_gates, is_gated

FORCED = (0.0, 0.5, 1.0)
"""All gates shut, as they start, and as if there were none."""
FORCED_ROWS = 500
"""At most so many rows are read with forced gates, as that is done several times."""
DIGITS = 4


class GateValues:
    """Reads rows with a classifier and keeps the gates that were open meanwhile; of one without gates, nothing.

    Args:
        model: with its method.

    Attributes:
        record: what belongs into the row, empty without gates. `names`: layer, position and method of each gate.
            `dev`: after each epoch, the mean of each over development rows. `test` and `test_deviation`: the mean over
            test rows and the standard deviation between them.

    """

    def __init__(self, model: PreTrainedModel) -> None:
        self._model, self._gated = model, is_gated(model)
        self.record: dict[str, Any] = {}

    def dev_logits(self, rows: Dataset) -> Tensor:
        """The logits of development rows, after an epoch."""
        if not self._gated:
            return logits(self._model, rows)
        found, values = logits_and_gates(self._model, rows)
        self.record.setdefault("names", [" ".join(map(str, gate)) for gate in values])
        self.record.setdefault("dev", []).append(_rounded(each.mean() for each in values.values()))
        return found

    def test_logits(self, rows: Dataset) -> tuple[Tensor, list[dict[str, Any]]]:
        """The logits of test rows, and for every row the mean of each method's gates in it, `{"gates": {...}}`."""
        if not self._gated:
            return logits(self._model, rows), [{} for _ in rows]
        found, values = logits_and_gates(self._model, rows)
        self.record["test"] = _rounded(each.mean() for each in values.values())
        self.record["test_deviation"] = _rounded(each.std() for each in values.values())
        methods = dict.fromkeys(method for _, _, method in values)
        means = {m: torch.stack([each for gate, each in values.items() if gate[2] == m]).mean(0) for m in methods}
        return found, [{"gates": {m: round(float(means[m][i]), DIGITS) for m in means}} for i in range(len(rows))]

    def force(self, rows: Dataset, measure: Callable[[Tensor], dict[str, float | None]]) -> None:
        """Adds `forced` to the record: what becomes of the first `FORCED_ROWS` rows when every gate has one value.

        `rows`: how many were read. For `free` and for each of `FORCED`, what `measure` says of these rows' logits.
        """
        if not self._gated:
            return
        first = rows.select(range(min(len(rows), FORCED_ROWS)))
        self.record["forced"] = {"rows": len(first), "free": measure(logits(self._model, first))}
        for value in FORCED:
            with forced_gates(self._model, value):
                self.record["forced"][str(value)] = measure(logits(self._model, first))


def _rounded(values: Any) -> list[float]:
    return [round(float(value), DIGITS) for value in values]
