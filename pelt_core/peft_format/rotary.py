"""Rotary position embeddings of the families that have them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.models.gptj.modeling_gptj import apply_rotary_pos_emb, create_sinusoidal_positions

from pelt_core.errors import PeltError


class RotaryError(PeltError, ValueError):
    """A model that does not tell positions by rotating queries and keys."""


@torch.no_grad()
def rotated(model: PreTrainedModel, keys: Tensor, positions: int, layer: int) -> Tensor:
    """`R_n k`: keys of `(heads, tokens, head_dim)` of a layer, turned on by `n` positions, back if it is negative.

    A query at position `t + n` sees `R_n k` as one at `t` sees `k`: `(R_(t+n) q) . (R_n k) = (R_t q) . k`.

    Raises:
        RotaryError: for a family with another kind of positions.

    """
    config, base = model.config, model.base_model
    if config.model_type == "gptj":
        width = config.rotary_dim
        sin, cos = create_sinusoidal_positions(abs(positions) + 1, width)[-1].view(1, 1, -1).split(width // 2, -1)
        sin = sin if positions > 0 else -sin
        turned = apply_rotary_pos_emb(keys[..., :width].unsqueeze(0), sin.to(keys), cos.to(keys)).squeeze(0)
    elif hasattr(base, "rotary_emb"):
        rotary: Any = base.rotary_emb
        kind, scaling, which = rotary.rope_type, "attention_scaling", {}
        if isinstance(kind, dict):  # Gemma 3 turns layers with a window faster than those without
            which = {"layer_type": config.layer_types[layer]}
            kind, scaling = kind[config.layer_types[layer]], f"{config.layer_types[layer]}_{scaling}"
        if kind in ("dynamic", "longrope"):
            raise RotaryError(f"{config.model_type} with {kind} scaling has no fixed rotary embeddings")
        cos, sin = rotary(keys.float(), torch.tensor([[abs(positions)]], device=keys.device), **which)
        cos, sin = (part[0] / getattr(rotary, scaling) for part in (cos, sin))
        width, sin = cos.shape[-1], sin if positions > 0 else -sin
        one, other = keys[..., :width].chunk(2, -1)
        turned = keys[..., :width] * cos + torch.cat([-other, one], -1) * sin
    else:
        raise RotaryError(f"{config.model_type} has no rotary position embeddings")
    return torch.cat([turned, keys[..., width:]], -1)
