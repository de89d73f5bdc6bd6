"""What a classifier says of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
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
    values: dict[tuple[int, str, str], Tensor] = {}
    for record in records:
        part = parts[record["batch"]]
        texts = 2 if "input_ids_pair" in part[0] else 1
        gate = record["layer"], record["position"], record["method"]
        values.setdefault(gate, torch.zeros(len(rows)))[part[record["row"] // texts]["place"]] += record["gate"] / texts
    return found, values


def _parts(rows: Dataset, tokens: int) -> Parts:
    return MicroBatches(tokens, pad_id=0).cut([{**row, "place": i} for i, row in enumerate(rows)])


@torch.inference_mode()
def _logits(model: PreTrainedModel, parts: Parts) -> Tensor:
    model.eval()
    total = sum(map(len, parts))
    found: dict[int, Tensor] = {}
    with (
        unpadded(model) if can_unpad(model) else nullcontext(),
        tqdm(total=total, desc="classifying", unit="text", disable=None, leave=False) as bar,
    ):
        for part in parts:
            inputs = {name: t.to(model.device) for name, t in collate(part).items() if name != "labels"}
            found |= zip((row["place"] for row in part), model(**inputs).logits.float().cpu(), strict=True)
            bar.update(len(part))
    return torch.stack([found[place] for place in range(total)])
