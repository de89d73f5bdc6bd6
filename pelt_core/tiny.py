"""Tiny random models of every supported family, for tests and for trying things out: no download, no wheel.

The weights are drawn from a fixed seed and mean nothing; the classes are the real ones, so whatever attaches to,
trains or generates with `tiny-llama` does so with a LLaMA.
"""

from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedConfig, PreTrainedTokenizerFast

from pelt_core.catalogue import TINY_POSITIONS
from pelt_core.drawing import drawn_from

SPECIALS = ("<pad>", "<s>", "</s>", "<mask>")
SEED = 0


def tiny_model(config: PreTrainedConfig, auto_class: Any) -> Any:
    """A model of `auto_class` with random weights, the same on each call; torch's own generator is left as it was."""
    with drawn_from(SEED):
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
        model_max_length=TINY_POSITIONS - 2,  # RoBERTa counts positions from its pad id + 1
    )
