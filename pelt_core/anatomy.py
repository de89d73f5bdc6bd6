"""Where things are: one row a model family, and nothing but data.

A *port* is one end (input or output) of a submodule; a *position* is a name that every family shares:

- `q k v o` and `gate up down`: the linear maps of attention and of the MLP (`gate` where there is one);
- `attn` and `mlp`: the whole sublayer, from the input of its first linear map to the output of its last;
- `heads` and `inner`: what the last linear map of each sublayer reads, the heads' outputs and the MLP's neurons;
- `kv`: the keys and values that attention sees;
- `attn_norm` and `mlp_norm`: the normalisation that belongs to each sublayer, before or after it;
- `attn_post_norm` and `mlp_post_norm`: that after a sublayer which has one before it too, as in Gemma 3;
- outside of the layers, `embed` (the word embeddings), `embed_norm`, `final_norm` and `pooler`, and `final`: from what
  the first layer reads to what the whole stack ends with.

`linears`, `norms` and `biases` stand for all of a kind that the family has.

An encoder-decoder has two stacks, and its layers count on from the encoder's to the decoder's; `embed` is where it
reads its text, in the encoder. What the decoder's
attention to the encoder computes has no position: methods leave it as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

LINEARS = ("q", "k", "v", "o", "gate", "up", "down")
SUBLAYERS = {"attn": ("q", "o"), "mlp": ("up", "down")}
INNER = {"heads": ("q", "o"), "inner": ("down", "down")}
KEYS_VALUES = "kv"
NORMS = ("attn_norm", "mlp_norm", "q_norm", "k_norm", "attn_post_norm", "mlp_post_norm")
EMBEDDING, FINAL = "embed", "final"
OUTSIDE = (EMBEDDING, "embed_norm", "final_norm", "pooler", FINAL)
GROUPS = {
    "linears": LINEARS,
    "norms": (*NORMS, "embed_norm", "final_norm"),
    "biases": (*LINEARS, *NORMS, "embed_norm", "final_norm", "pooler"),
}
POSITIONS = (*LINEARS, *SUBLAYERS, *INNER, KEYS_VALUES, *NORMS, *OUTSIDE)


@dataclass(frozen=True)
class Fused:
    """One of q, k, v inside a single linear map.

    `rows` lays the output out as `[q | k | v]` (GPT-2), `heads` as `[q | k | v]` within each head (BLOOM, GPT-NeoX).
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
class Stack:
    """A row of transformer layers of one kind.

    Attributes:
        layers: path of the list of layers, from `model.base_model`.
        attention: path of the self-attention module inside a layer.
        linears: position -> port inside a layer.
        norms: position -> path inside a layer.
        outside: position -> path from `model.base_model`, of what is not in a layer.
        reader: path of the module that is given the token ids; empty for `model.base_model` itself.
        end: path of the module whose output is that of the whole stack.
        cache: the keyword by which the attention module receives the key-value cache.
        mask: the keyword by which it receives the attention mask.
        bias: the keyword by which it receives a bias of positions, which it adds to the scores; empty without one.
        table: what is counted along a table of positions: the columns of the batch, or the tokens that are no padding,
            from 0 or from behind the number of the padding token; empty where positions are computed for any length.
        causal: whether a token sees only those before it.
        post_norm: whether a sublayer's output is added to its input before the normalisation.
        rms: whether a normalisation divides by the root mean square, without taking away the mean or adding a bias.
        name: what tells the stack from the other one of the model; empty where there is one only.

    """

    layers: str
    attention: str
    linears: dict[str, Port]
    norms: dict[str, str]
    outside: dict[str, str]
    end: str
    cache: str = "past_key_values"
    mask: str = "attention_mask"
    bias: str = ""
    table: Literal["", "columns", "tokens", "tokens from padding"] = ""
    causal: bool = True
    post_norm: bool = False
    rms: bool = False
    name: str = ""
    reader: str = ""

    @property
    def positions(self) -> tuple[str, ...]:
        """The names that mean something here."""
        there = {*self.linears, *SUBLAYERS, *INNER, KEYS_VALUES, *self.norms, *self.outside, FINAL}
        return tuple(position for position in POSITIONS if position in there)


def _linears(**paths: str) -> dict[str, Port]:
    return {position: Port(path) for position, path in paths.items()}


def _without(paths: dict[str, str], position: str) -> dict[str, str]:
    return {name: path for name, path in paths.items() if name != position}


def _fused(path: str, layout: Literal["rows", "heads"]) -> dict[str, Port]:
    return {position: Port(path, part=Fused(i, layout)) for i, position in enumerate("qkv")}


_BERT = Stack(
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
    norms={"attn_norm": "attention.output.LayerNorm", "mlp_norm": "output.LayerNorm"},
    outside={
        "embed": "embeddings.word_embeddings",
        "embed_norm": "embeddings.LayerNorm",
        "pooler": "pooler.dense",
    },
    end="encoder",
    table="columns",
    causal=False,
    post_norm=True,
)
_ROBERTA = replace(_BERT, outside=_without(_BERT.outside, "pooler"), table="tokens from padding")
_LLAMA = Stack(
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
    norms={"attn_norm": "input_layernorm", "mlp_norm": "post_attention_layernorm"},
    outside={"embed": "embed_tokens", "final_norm": "norm"},
    end="norm",
    rms=True,
)
_QWEN3 = replace(_LLAMA, norms=_LLAMA.norms | {"q_norm": "self_attn.q_norm", "k_norm": "self_attn.k_norm"})
_GEMMA3 = replace(
    _QWEN3,
    norms=_QWEN3.norms
    | {"mlp_norm": "pre_feedforward_layernorm"}
    | {"attn_post_norm": "post_attention_layernorm", "mlp_post_norm": "post_feedforward_layernorm"},
)
_GPTJ = Stack(
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
    norms={"attn_norm": "ln_1"},
    outside={"embed": "wte", "final_norm": "ln_f"},
    end="ln_f",
    cache="layer_past",
    table="columns",
)
_BLOOM = Stack(
    layers="h",
    attention="self_attention",
    linears=_fused("self_attention.query_key_value", "heads")
    | _linears(o="self_attention.dense", up="mlp.dense_h_to_4h", down="mlp.dense_4h_to_h"),
    norms={"attn_norm": "input_layernorm", "mlp_norm": "post_attention_layernorm"},
    outside={"embed": "word_embeddings", "embed_norm": "word_embeddings_layernorm", "final_norm": "ln_f"},
    end="ln_f",
    cache="layer_past",
    bias="alibi",
)
_NEOX = Stack(
    layers="layers",
    attention="attention",
    linears=_fused("attention.query_key_value", "heads")
    | _linears(o="attention.dense", up="mlp.dense_h_to_4h", down="mlp.dense_4h_to_h"),
    norms={"attn_norm": "input_layernorm", "mlp_norm": "post_attention_layernorm"},
    outside={"embed": "embed_in", "final_norm": "final_layer_norm"},
    end="final_layer_norm",
    cache="layer_past",
)
_GPT2 = Stack(
    layers="h",
    attention="attn",
    linears=_fused("attn.c_attn", "rows") | _linears(o="attn.c_proj", up="mlp.c_fc", down="mlp.c_proj"),
    norms={"attn_norm": "ln_1", "mlp_norm": "ln_2"},
    outside={"embed": "wte", "final_norm": "ln_f"},
    end="ln_f",
    table="columns",
)
_OPT = Stack(
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
    norms={"attn_norm": "self_attn_layer_norm", "mlp_norm": "final_layer_norm"},
    outside={"embed": "decoder.embed_tokens", "final_norm": "decoder.final_layer_norm"},
    end="decoder.final_layer_norm",
    table="tokens",
    reader="decoder",
)
_OPT_POST_NORM = replace(_OPT, outside=_without(_OPT.outside, "final_norm"), end="decoder", post_norm=True)


def _t5(name: str, mlp: str, **inner: str) -> Stack:
    """One of T5's stacks; `mlp` is the sublayer of the MLP, and `inner` the names of its linear maps."""
    return Stack(
        layers=f"{name}.block",
        attention="layer.0.SelfAttention",
        linears=_linears(**{position: f"layer.0.SelfAttention.{position}" for position in "qkvo"})
        | _linears(**{position: f"{mlp}.DenseReluDense.{path}" for position, path in inner.items()}),
        norms={"attn_norm": "layer.0.layer_norm", "mlp_norm": f"{mlp}.layer_norm"},
        outside=({"embed": "encoder.embed_tokens"} if name == "encoder" else {})
        | {"final_norm": f"{name}.final_layer_norm"},
        end=f"{name}.final_layer_norm",
        mask="mask",
        bias="position_bias",
        causal=name == "decoder",
        rms=True,
        name=name,
        reader=name,
    )


def _t5_stacks(**inner: str) -> tuple[Stack, Stack]:
    return _t5("encoder", "layer.1", **inner), _t5("decoder", "layer.2", **inner)


ANATOMIES: dict[str, tuple[Stack, ...]] = {
    "bert": (_BERT,),
    "roberta": (_ROBERTA,),
    "llama": (_LLAMA,),
    "mistral": (_LLAMA,),
    "qwen2": (_LLAMA,),
    "qwen3": (_QWEN3,),
    "gemma": (_LLAMA,),
    "gemma3_text": (_GEMMA3,),
    "gptj": (_GPTJ,),
    "bloom": (_BLOOM,),
    "gpt_neox": (_NEOX,),
    "gpt2": (_GPT2,),
    "opt": (_OPT,),
    "t5": _t5_stacks(up="wi", down="wo"),
}
VARIANTS: dict[str, tuple[str, Any, tuple[Stack, ...]]] = {
    "t5": ("is_gated_act", True, _t5_stacks(gate="wi_0", up="wi_1", down="wo")),
    "opt": ("do_layer_norm_before", False, (_OPT_POST_NORM,)),
}
"""Family -> an attribute of the configuration, and the row that holds instead where it has this value."""
