"""What a classifier says of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from datasets import Dataset
from torch import Tensor
from tqdm import tqdm
from transformers import PreTrainedModel

from pelt_core.data.batches import collate
from pelt_core.micro_batches import MicroBatches
from pelt_core.recording import recorded_gates
from pelt_core.unpadding import can_unpad, unpadded

TOKENS = 4096
"""Read at once: nothing is kept for a way back."""


Parts = Sequence[Sequence[Mapping[str, Any]]]


def logits(model: PreTrainedModel, rows: Dataset, tokens: int = TOKENS) -> Tensor:
    """The logits of every row, `(rows, labels)`, in fp32 on the CPU; texts of similar length are read together.

    Args:
        model: a sequence classifier; it is left in eval mode.
        rows: as `pelt_core.data.batches.encode_texts` makes them.
        tokens: about how many are read at once.

    """
    return _logits(model, _parts(rows, tokens))


def logits_and_gates(
    model: PreTrainedModel, rows: Dataset, tokens: int = TOKENS
) -> tuple[Tensor, dict[tuple[int, str, str], Tensor]]:
    """`logits`, and the gates that were open meanwhile.

    Args:
        model: with a gated method.
        rows: as in `logits`.
        tokens: as in `logits`.

    Returns:
        The logits, and for each gate, by layer, position and method, its values, `(rows,)`: the mean over the texts of
        a row where they are read apart.

    Raises:
        RecordingError: the method has no gates.

    """
    parts = _parts(rows, tokens)
    with recorded_gates(model) as records:
        found = _logits(model, parts)
    return found, _by_gate(records, parts)


def padded_logits_and_gates(
    model: PreTrainedModel, rows: Dataset, size: int, width: int = 0
) -> tuple[Tensor, dict[tuple[int, str, str], Tensor]]:
    """`logits_and_gates` of rows read with padding, in their order.

    Args:
        model: with a gated method.
        rows: as in `logits`.
        size: rows of a batch.
        width: to which every text is padded; to the longest of its batch if that is longer.

    Raises:
        RecordingError: the method has no gates.

    """
    listed = list(rows)
    parts = [
        [{**row, "place": first + i} for i, row in enumerate(listed[first : first + size])]
        for first in range(0, len(listed), size)
    ]
    with recorded_gates(model) as records:
        found = _read(model, parts, width)
    return found, _by_gate(records, parts)


def _by_gate(records: Sequence[Mapping[str, Any]], parts: Parts) -> dict[tuple[int, str, str], Tensor]:
    total = sum(map(len, parts))
    values: dict[tuple[int, str, str], Tensor] = {}
    for record in records:
        part = parts[record["batch"]]
        texts = 2 if "input_ids_pair" in part[0] else 1
        gate = record["layer"], record["position"], record["method"]
        values.setdefault(gate, torch.zeros(total))[part[record["row"] // texts]["place"]] += record["gate"] / texts
    return values


def _parts(rows: Dataset, tokens: int) -> Parts:
    return MicroBatches(tokens, pad_id=0).cut([{**row, "place": i} for i, row in enumerate(rows)])


def _logits(model: PreTrainedModel, parts: Parts) -> Tensor:
    with unpadded(model) if can_unpad(model) else nullcontext():
        return _read(model, parts)


@torch.inference_mode()
def _read(model: PreTrainedModel, parts: Parts, width: int = 0) -> Tensor:
    model.eval()
    total = sum(map(len, parts))
    found: dict[int, Tensor] = {}
    with tqdm(total=total, desc="classifying", unit="text", disable=None, leave=False) as bar:
        for part in parts:
            batch = {name: t.to(model.device) for name, t in collate(part).items() if name != "labels"}
            inputs = {name: F.pad(t, (0, max(0, width - t.shape[1]))) for name, t in batch.items()}
            found |= zip((row["place"] for row in part), model(**inputs).logits.float().cpu(), strict=True)
            bar.update(len(part))
    return torch.stack([found[place] for place in range(total)])
