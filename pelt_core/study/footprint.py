"""How much memory a run needs: what it holds all the time, and what a training step keeps for its backward pass."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from pelt_core.attachment import attach
from pelt_core.backbones import is_encoder, meta_model
from pelt_core.micro_batches import TOKENS
from pelt_core.precision import DTYPES, cast_backbone
from pelt_core.study.run import Run
from pelt_core.study.sizes import size, trainable

ADAM_BYTES = 16  # a trained parameter in fp32, its gradient, and two moments
_ROW_TOKENS = 32  # long enough that a prefix weighs little, short enough that attention weights do too


def memory(run: Run) -> int:
    """Bytes of a run's weights, gradients, optimiser and activations; the libraries come to it.

    Raises:
        PeltError: as `pelt_core.backbones.meta_model`, `pelt_core.attach` and `pelt_core.precision.cast_backbone`.
    """
    held = size(run).backbone * DTYPES[run.precision].itemsize + trainable(run) * ADAM_BYTES
    return held + (activations(run.backbone, run.method, run.precision, run.made_for) if run.trains else 0)


@cache
def activations(backbone: str, method: str, precision: str, task: str = "causal-lm") -> int:
    """Bytes that `TOKENS` tokens leave in the layers for the backward pass, counted on a model without weights."""
    model = meta_model(backbone, task)
    attach(model, method)
    cast_backbone(model, DTYPES[precision])
    model.set_attn_implementation("eager")  # the others ask for the mask's values
    weights = {p.untyped_storage()._cdata for p in model.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage
        return tensor

    ids = torch.zeros(TOKENS // _ROW_TOKENS, _ROW_TOKENS, dtype=torch.long, device="meta")
    # An encoder would ask for the mask's values, a decoder for the mask.
    mask = None if is_encoder(model.config) else torch.ones_like(ids)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model.train().base_model(input_ids=ids, attention_mask=mask, use_cache=False)
    return sum(storage.nbytes() for storage in kept.values())
