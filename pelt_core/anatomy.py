"""Where things are: one row a model family, and nothing but data.

A *port* is one end (input or output) of a submodule; a *position* is a name that every family shares:

- `q k v o` and `gate up down`: the linear maps of attention and of the MLP (`gate` where there is one);
- `attn` and `mlp`: the whole sublayer, from the input of its first linear map to the output of its last;
- `kv`: the keys and values that attention sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LINEARS = ("q", "k", "v", "o", "gate", "up", "down")
SUBLAYERS = {"attn": ("q", "o"), "mlp": ("up", "down")}
KEYS_VALUES = "kv"
POSITIONS = (*LINEARS, *SUBLAYERS, KEYS_VALUES)


@dataclass(frozen=True)
class Fused:
    """One of q, k, v inside a single linear map.

    `rows` lays the output out as `[q | k | v]` (GPT-2), `heads` as `[q | k | v]` within each head (BLOOM).
    """

    index: int
    layout: Literal["rows", "heads"]


@dataclass(frozen=True)
class Port:
    """The input or the output of the submodule at `path`, or a fused part of that output."""

    path: str
    side: Literal["in", "out"] = "out"
    part: Fused | None = None


@dataclass(frozen=True)
class Anatomy:
    """A model family.

    Attributes:
        layers: path of the list of transformer layers, from `model.base_model`.
        attention: path of the attention module inside a layer.
        linears: position -> port inside a layer.
        cache: the keyword by which the attention module receives the key-value cache.

    """

    layers: str
    attention: str
    linears: dict[str, Port]
    cache: str = "past_key_values"


def _linears(**paths: str) -> dict[str, Port]:
    return {position: Port(path) for position, path in paths.items()}


def _fused(path: str, layout: Literal["rows", "heads"]) -> dict[str, Port]:
    return {position: Port(path, part=Fused(i, layout)) for i, position in enumerate("qkv")}


_BERT = Anatomy(
    layers="encoder.layer",
    attention="attention.self",
    linears=_linears(
        q="attention.self.query",
        k="attention.self.key",
        v="attention.self.value",
        o="attention.output.dense",
        up="intermediate.dense",
        down="output.dense",
    ),
)
_LLAMA = Anatomy(
    layers="layers",
    attention="self_attn",
    linears=_linears(
        q="self_attn.q_proj",
        k="self_attn.k_proj",
        v="self_attn.v_proj",
        o="self_attn.o_proj",
        gate="mlp.gate_proj",
        up="mlp.up_proj",
        down="mlp.down_proj",
    ),
)

ANATOMIES: dict[str, Anatomy] = {
    "bert": _BERT,
    "roberta": _BERT,
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": _LLAMA,
    "gptj": Anatomy(
        layers="h",
        attention="attn",
        linears=_linears(
            q="attn.q_proj",
            k="attn.k_proj",
            v="attn.v_proj",
            o="attn.out_proj",
            up="mlp.fc_in",
            down="mlp.fc_out",
        ),
        cache="layer_past",
    ),
    "bloom": Anatomy(
        layers="h",
        attention="self_attention",
        linears=_fused("self_attention.query_key_value", "heads")
        | _linears(o="self_attention.dense", up="mlp.dense_h_to_4h", down="mlp.dense_4h_to_h"),
        cache="layer_past",
    ),
    "gpt2": Anatomy(
        layers="h",
        attention="attn",
        linears=_fused("attn.c_attn", "rows") | _linears(o="attn.c_proj", up="mlp.c_fc", down="mlp.c_proj"),
    ),
    "opt": Anatomy(
        layers="decoder.layers",
        attention="self_attn",
        linears=_linears(
            q="self_attn.q_proj",
            k="self_attn.k_proj",
            v="self_attn.v_proj",
            o="self_attn.out_proj",
            up="fc1",
            down="fc2",
        ),
    ),
}
