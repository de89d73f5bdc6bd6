"""Tiny random models of every supported family, for tests and for trying things out: no download, no wheel.

The weights are drawn from a fixed seed and mean nothing; the classes are the real ones, so whatever attaches to,
trains or generates with `tiny-llama` does so with a LLaMA.
"""

from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import AutoConfig, PreTrainedConfig, PreTrainedTokenizerFast

SPECIALS = ("<pad>", "<s>", "</s>", "<mask>")
VOCABULARY = len(SPECIALS) + 256
POSITIONS = 1024
SEED = 0

_IDS: dict[str, Any] = {"vocab_size": VOCABULARY, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
_WIDE: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": POSITIONS,
}
_ENCODER = _WIDE | {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
_GPT: dict[str, Any] = {
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": POSITIONS,
    "resid_pdrop": 0.0,
    "embd_pdrop": 0.0,
    "attn_pdrop": 0.0,
}

SHAPES: dict[str, dict[str, Any]] = {
    "bert": _ENCODER,
    "roberta": _ENCODER,
    "llama": _WIDE | {"num_key_value_heads": 2},
    "mistral": _WIDE | {"num_key_value_heads": 2},
    "qwen2": _WIDE | {"num_key_value_heads": 2},
    "gptj": _GPT | {"rotary_dim": 4},
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4, "hidden_dropout": 0.0, "attention_dropout": 0.0},
    "gpt2": _GPT,
    "opt": {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "ffn_dim": 48,
        "word_embed_proj_dim": 32,
        "max_position_embeddings": POSITIONS,
        "dropout": 0.0,
    },
}


def tiny_config(family: str) -> PreTrainedConfig:
    """The configuration of a 2-layer, 4-head, 32-wide model of `family`, a key of `SHAPES`, without dropout."""
    return AutoConfig.for_model(family, **(_IDS | SHAPES[family]))


def tiny_model(config: PreTrainedConfig, auto_class: Any) -> Any:
    """A model of `auto_class` with random weights, the same on each call; torch's own generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return auto_class.from_config(config)


def tiny_tokenizer(padding_side: str, framed: bool) -> PreTrainedTokenizerFast:
    """A tokenizer whose tokens are the 256 bytes and four special tokens, so that any text goes in and comes out.

    Args:
        padding_side: "left" for a decoder, "right" for an encoder.
        framed: put `<s>` before and `</s>` after a text, as encoders expect.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate((*SPECIALS, *alphabet))}
    core = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    if framed:
        core.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        mask_token="<mask>",
        padding_side=padding_side,
        model_max_length=POSITIONS - 2,  # RoBERTa's first two positions are taken
    )
