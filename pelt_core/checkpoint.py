"""Save and load what was trained, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PreTrainedModel

from pelt_core.attachment import attach, attached, detach
from pelt_core.errors import PeltError

_WEIGHTS, _CONFIG = "pelt.safetensors", "pelt.json"
_FORMAT = 1


class CheckpointError(PeltError, ValueError):
    """A checkpoint that is not there or does not fit the model."""


def trained_state(model: PreTrainedModel) -> dict[str, Tensor]:
    """Name -> every tensor that training changes, each once however many modules share it."""
    return {name: t.detach() for name, t in _trained(model).items()}


def _trained(model: PreTrainedModel) -> dict[str, Tensor]:
    """The trained parameters, and what the modules keep besides: such as the places of the entries of a sparse change."""
    trained: dict[str, Tensor] = {name: p for name, p in model.named_parameters() if p.requires_grad}
    kept = model.pelt.state_dict(prefix="pelt.").keys() if hasattr(model, "pelt") else ()
    return trained | {name: buffer for name, buffer in model.named_buffers() if name in kept}


@torch.no_grad()
def load_trained_state(model: PreTrainedModel, state: dict[str, Tensor]) -> None:
    """Copies `state` into the trained tensors of `model`.

    Raises:
        CheckpointError: if names or shapes differ; names what is missing, what is left over, and what differs.

    """
    own = _trained(model)
    wrong = [f"missing {name}" for name in own if name not in state]
    wrong += [f"unexpected {name}" for name in state if name not in own]
    wrong += [
        f"{name} is {tuple(state[name].shape)} in the checkpoint and {tuple(p.shape)} in the model"
        for name, p in own.items()
        if name in state and state[name].shape != p.shape
    ]
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise CheckpointError(f"the checkpoint does not fit the model: {'; '.join(wrong[:5])}{more}")
    for name, p in own.items():
        p.copy_(state[name])


def _backbone(model: PreTrainedModel) -> dict[str, Any]:
    config = model.config
    return {"family": config.model_type, "layers": config.num_hidden_layers, "hidden": config.hidden_size}


def save(model: PreTrainedModel, folder: str | Path) -> None:
    """Writes the trained tensors and a readable `pelt.json` into `folder`.

    Raises:
        AttachError: if the model carries no method.

    """
    config = {"format": _FORMAT, "method": str(attached(model).method), "backbone": _backbone(model)}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: t.contiguous() for name, t in trained_state(model).items()}, folder / _WEIGHTS)
    (folder / _CONFIG).write_text(json.dumps(config, indent=2) + "\n")


def load(model: PreTrainedModel, folder: str | Path) -> None:
    """Attaches the method saved in `folder` to `model`, with its trained tensors.

    Raises:
        CheckpointError: if the files are not there or cannot be read, the backbone is another one, or a shape
            differs; the model is then left without a method.

    """
    folder = Path(folder)
    if missing := [name for name in (_CONFIG, _WEIGHTS) if not (folder / name).is_file()]:
        raise CheckpointError(f"{folder} has no {' and no '.join(missing)}: give a folder that save(model, ...) wrote")
    try:
        config, state = json.loads((folder / _CONFIG).read_text()), load_file(folder / _WEIGHTS)
    except (ValueError, SafetensorError) as error:
        raise CheckpointError(f"{folder} cannot be read, it may not have been written to its end: {error}") from None
    if (found := config.get("format")) != _FORMAT:
        raise CheckpointError(f"{folder} has format {found}, and this version of pelt_core reads {_FORMAT}")
    if config["backbone"] != _backbone(model):
        raise CheckpointError(f"trained on {config['backbone']}, but this model is {_backbone(model)}")
    attach(model, config["method"])
    try:
        load_trained_state(model, state)
    except CheckpointError:
        detach(model)
        raise
