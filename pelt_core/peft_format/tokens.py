"""Prefix and prompt, from here to PEFT and back.

PEFT counts a prefix as text before the text. Under rotary embeddings that turns the prefix's keys, which is made up for
here, as long as a sliding window reaches back to the prefix; other kinds of positions leave no equal.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from pelt_core.attachment import Attachment
from pelt_core.peft_format.kinds import AROUND_MODEL, Config, Fill, Format, PeftFormatError, Tensors, fitting
from pelt_core.peft_format.rotary import RotaryError, rotated
from pelt_core.sites import layers

# Prefix


def _turned(model: PreTrainedModel, prefix: Tensor, positions: int, layer: int) -> Tensor:
    """`P_K` and `P_V` of a layer, the former turned on by as many positions."""
    try:
        return torch.stack([rotated(model, prefix[0], positions, layer), prefix[1]])
    except RotaryError as error:
        raise PeftFormatError(
            f"PEFT counts a prefix as text before the text, which shifts the positions of the text, and {error} that "
            "could make up for it: it has no equal"
        ) from None


def _write_prefix(model: PreTrainedModel, attachment: Attachment) -> tuple[Config, Tensors]:
    grafts: list[Any] = attachment.all_grafts()
    if (found := [graft.site.layer for graft in grafts]) != (every := list(range(len(layers(model))))):
        raise PeftFormatError(f"PEFT's prefix is in all {len(every)} layers, not in {', '.join(map(str, found))} alone")
    prefixes = [graft.delta.P for graft in grafts]
    _, heads, tokens, head_dim = prefixes[0].shape
    turned = torch.cat([_turned(model, prefix, tokens, layer) for layer, prefix in enumerate(prefixes)])
    config = {
        "num_virtual_tokens": tokens,
        "num_layers": len(grafts),
        "num_attention_heads": heads,
        "token_dim": heads * head_dim,
        "num_transformer_submodules": 1,
    }
    return config, {"prompt_embeddings": turned.permute(2, 0, 1, 3).flatten(1)}


def _read_prefix(model: PreTrainedModel, config: Config, tensors: Tensors) -> tuple[str, Fill]:
    flat, tokens = tensors.pop("prompt_embeddings"), config["num_virtual_tokens"]

    def fill(graft: Any) -> None:
        layer, (_, heads, _, head_dim) = graft.site.layer, graft.delta.P.shape
        whole = fitting(flat, (tokens, len(layers(model)) * 2 * heads * head_dim), "prompt_embeddings")
        prefixes = whole.view(tokens, -1, 2, heads, head_dim).permute(1, 2, 3, 0, 4)
        graft.delta.P.copy_(_turned(model, prefixes[layer], -tokens, layer))

    return f"prefix(tokens={tokens})", fill


# Prompt


def _write_prompt(model: PreTrainedModel, attachment: Attachment) -> tuple[Config, Tensors]:
    (graft,) = attachment.all_grafts()
    P: Any = graft.delta.P
    if not (graft.site.stack.causal or model.config.is_encoder_decoder):
        raise PeftFormatError(
            f"PEFT hands the first virtual token to what classifies a text, where {model.config.model_type} here hands "
            "it the first token of the text: it has no equal"
        )
    tokens, width = P.shape
    config = {
        "num_virtual_tokens": tokens,
        "num_layers": len(layers(model)),
        "num_attention_heads": graft.site.heads,
        "token_dim": width,
        "num_transformer_submodules": 1,
        "prompt_tuning_init": "RANDOM",
    }
    return config, {"prompt_embeddings": P}


def _read_prompt(model: PreTrainedModel, config: Config, tensors: Tensors) -> tuple[str, Fill]:
    P = tensors.pop("prompt_embeddings")

    def fill(graft: Any) -> None:
        graft.delta.P.copy_(fitting(P, graft.delta.P.shape, "prompt_embeddings"))

    return f"prompt(tokens={len(P)})", fill


PREFIX = Format("PREFIX_TUNING", _write_prefix, _read_prefix, AROUND_MODEL)
PROMPT = Format("PROMPT_TUNING", _write_prompt, _read_prompt, AROUND_MODEL)
