"""A folder with a small random model of another family than the studies' own, and a tokenizer of its own."""

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, GPTNeoXConfig, PreTrainedTokenizerFast

from pelt_core.data import load
from pelt_core.data.prompts import exchange
from pelt_core.tiny import tiny_model

WORDS = 600


def write(folder: Path) -> Path:
    """Write a GPT-NeoX and its tokenizer there, as `save_pretrained` does; one of the Hugging Face hub looks alike."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=WORDS, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
    )
    core.train_from_iterator(("".join(exchange("alpaca@1", row)) for row in load("arithmetic", "train")), trainer)
    PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<|endoftext|>").save_pretrained(folder)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = GPTNeoXConfig(**shape, vocab_size=WORDS, max_position_embeddings=256, bos_token_id=0, eos_token_id=0)
    tiny_model(config, AutoModelForCausalLM).save_pretrained(folder)
    return folder
