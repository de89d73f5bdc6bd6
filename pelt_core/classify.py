"""What a classifier says of texts."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from datasets import Dataset
from torch import Tensor
from tqdm import tqdm
from transformers import PreTrainedModel

from pelt_core.data.batches import collate
from pelt_core.micro_batches import MicroBatches
from pelt_core.unpadding import can_unpad, unpadded

TOKENS = 4096
"""Read at once: nothing is kept for a way back."""


@torch.inference_mode()
def logits(model: PreTrainedModel, rows: Dataset, tokens: int = TOKENS) -> Tensor:
    """The logits of every row, `(rows, labels)`, in fp32 on the CPU; texts of similar length are read together.

    Args:
        model: a sequence classifier; it is left in eval mode.
        rows: as `pelt_core.data.batches.encode_texts` makes them.
        tokens: about how many are read at once.

    """
    model.eval()
    parts = MicroBatches(tokens, pad_id=0).cut([{**row, "place": i} for i, row in enumerate(rows)])
    found: dict[int, Tensor] = {}
    with (
        unpadded(model) if can_unpad(model) else nullcontext(),
        tqdm(total=len(rows), desc="classifying", unit="text", disable=None, leave=False) as bar,
    ):
        for part in parts:
            inputs = {name: t.to(model.device) for name, t in collate(part).items() if name != "labels"}
            found |= zip((row["place"] for row in part), model(**inputs).logits.float().cpu(), strict=True)
            bar.update(len(part))
    return torch.stack([found[place] for place in range(len(rows))])
