"""Save and load what was trained, and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

import pelt_core
from pelt_core.attachment import Attachment, attach, attached, carried_by, detach, name_of
from pelt_core.errors import PeltError
from pelt_core.modules.intrinsic import Fastfood, Said
from pelt_core.specification import Method, parse

_WEIGHTS, _CONFIG = "pelt.safetensors", "pelt.json"
_FORMAT = 2
_SAMPLED = 64  # numbers of each tensor
# One for each type of 16 bits, as rounding to the one and then to the other is not rounding to the other.
_FINGERPRINTS = {"fingerprint": torch.bfloat16, "fingerprint_fp16": torch.float16}


class CheckpointError(PeltError, ValueError):
    """A checkpoint that is not there or does not fit the model."""


def trained_state(model: PreTrainedModel) -> dict[str, Tensor]:
    """Name -> every tensor that training changes, each once however many modules share it.

    Besides, what the modules keep without training it, such as the places of the entries of a sparse change.
    """
    return {name: t.detach() for name, t in _trained(model).items()}


def load_trained_state(model: PreTrainedModel, state: dict[str, Tensor]) -> None:
    """Copies `state` into the trained tensors of `model`.

    Raises:
        CheckpointError: if names or shapes differ; names what is missing, what is left over, and what differs.

    """
    _fill(_trained(model), state)


def _trained(model: PreTrainedModel) -> dict[str, Tensor]:
    trained: dict[str, Tensor] = {name: p for name, p in model.named_parameters() if p.requires_grad}
    kept = carried_by(model).state_dict(prefix="pelt.").keys() if hasattr(model, "pelt") else ()
    return trained | {name: buffer for name, buffer in model.named_buffers() if name in kept}


@torch.no_grad()
def _fill(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
    wrong = [f"missing {name}" for name in own if name not in state]
    wrong += [f"unexpected {name}" for name in state if name not in own]
    wrong += [
        f"{name} is {tuple(state[name].shape)} in the checkpoint and {tuple(t.shape)} in the model"
        for name, t in own.items()
        if name in state and state[name].shape != t.shape
    ]
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise CheckpointError(f"the checkpoint does not fit the model: {'; '.join(wrong[:5])}{more}")
    for name, t in own.items():
        t.copy_(state[name])


def _grown(attachment: Attachment) -> dict[str, Tensor]:
    """Name -> every tensor of the modules, each once, without the name of the attachment."""
    return dict(attachment.state_dict(prefix="pelt.", keep_vars=True))


def save(model: PreTrainedModel, folder: str | Path, name: str | None = None) -> None:
    """Writes the tensors of one method and a readable `pelt.json` into `folder`.

    They are what the method trains, of its own and of the model (a task's head), and what its modules keep besides;
    each once however many modules share it, and without the name by which the model carries the method.

    Raises:
        AttachError: if the model carries nothing, nothing of this name, or several and no name is given.

    """
    attachment, name = attached(model, name), name_of(model, name)
    state = _grown(attachment) | carried_by(model).trained(model, name)
    config = {
        "format": _FORMAT,
        "method": str(attachment.method),
        "arguments": _arguments(attachment.method),
        "projection": _projection(attachment),
        "backbone": _backbone(model),
        "versions": {module.__name__: module.__version__ for module in (pelt_core, torch, transformers)},
    }
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({own: t.detach().contiguous() for own, t in state.items()}, folder / _WEIGHTS)
    (folder / _CONFIG).write_text(json.dumps(config, indent=2) + "\n")


def load(model: PreTrainedModel, folder: str | Path, name: str = "default") -> Attachment:
    """Attaches the method saved in `folder` to `model` by the name of `name`, with its trained tensors.

    Raises:
        CheckpointError: if the files are not there or cannot be read, the backbone is another one, or a shape
            differs, or a random projection; the model is then left as it was.
        AttachError: if the model already carries a method of this name.

    """
    folder = Path(folder)
    if missing := [file for file in (_CONFIG, _WEIGHTS) if not (folder / file).is_file()]:
        raise CheckpointError(f"{folder} has no {' and no '.join(missing)}: give a folder that save(model, ...) wrote")
    try:
        config, state = json.loads((folder / _CONFIG).read_text()), load_file(folder / _WEIGHTS)
    except (ValueError, SafetensorError) as error:
        raise CheckpointError(f"{folder} cannot be read, it may not have been written to its end: {error}") from None
    if not isinstance(config, dict):
        raise CheckpointError(f"{folder / _CONFIG} holds no settings: give a folder that save(model, ...) wrote")
    if (found := config.get("format")) != _FORMAT:
        raise CheckpointError(
            f"{folder} has format {found}, and this version of pelt_core reads {_FORMAT}: load it with pelt_core "
            f"{config.get('versions', {}).get('pelt_core', 'of the version')} that wrote it, or train it again"
        )
    # An older save has no fingerprint in fp16.
    saved, here = {"fingerprint_fp16": None} | config.get("backbone", {}), _backbone(model)
    lacking = [key for key in ("method", "arguments", "backbone") if key not in config]
    if lacking := lacking or [f"backbone.{key}" for key in here if key not in saved]:
        raise CheckpointError(f"{folder / _CONFIG} lacks {', '.join(lacking)}: give one that save(model, ...) wrote")
    if wrong := [key for key in ("family", "layers", "hidden") if saved[key] != here[key]]:
        raise _another_backbone(saved, here, wrong)
    if (now := _arguments(parse(config["method"]))) != config["arguments"]:
        raise CheckpointError(
            f"{config['method']!r} meant {config['arguments']} when it was saved, and now means {now}"
        )
    attachment = attach(model, config["method"], name=name)
    try:
        _fill(_grown(attachment) | {own: model.get_parameter(own) for own in attachment.in_place}, state)
        if wrong := [key for key in _FINGERPRINTS if len({saved[key], here[key]} - {None}) > 1]:
            raise _another_backbone(saved, here, wrong)
        if len({saved := config.get("projection"), drawn := _projection(attachment)} - {None}) > 1:
            raise CheckpointError(
                f"{config['method']!r} was trained under another random projection, {saved} and not {drawn}: this "
                f"torch draws other numbers from its seed, so load it with the one under 'versions' in {_CONFIG}"
            )
    except CheckpointError:
        detach(model, name)
        raise
    return attachment


def _projection(attachment: Attachment) -> str | None:
    """A digest of the random projection that is drawn from a seed and not saved; `None` without numbers of one.

    Of some numbers of each part, and of real ones the sign alone: processors round their last digit differently.
    """
    parts = [b for m in attachment.modules() if isinstance(m, Fastfood | Said) for b in m.buffers(recurse=False)]
    if not parts or parts[0].is_meta:
        return None
    digest = hashlib.sha256()
    for part in parts:
        some = part.flatten()[:_SAMPLED].cpu()
        digest.update((some > 0 if some.is_floating_point() else some).numpy().tobytes())
    return digest.hexdigest()[:16]


def _another_backbone(saved: dict[str, Any], here: dict[str, Any], wrong: list[str]) -> CheckpointError:
    one, other = (", ".join(f"{key} {backbone[key]!r}" for key in ("name", *wrong)) for backbone in (saved, here))
    return CheckpointError(f"trained on another backbone: {one}; this model has {other}")


def _arguments(method: Method) -> list[dict[str, Any]]:
    """Every argument of every gate and term, the defaults too, which another version may have changed."""
    kinds = [kind for group in method.groups for kind in (group.gate, *group.terms) if kind]
    return [{"name": kind.name, **dict(kind.arguments)} for kind in kinds]


def _backbone(model: PreTrainedModel) -> dict[str, Any]:
    config = model.config
    name = config.name_or_path or ""
    return {
        "name": Path(name).name if Path(name).is_absolute() else name,
        "family": config.model_type,
        "layers": config.num_hidden_layers,
        "hidden": config.hidden_size,
        **{key: fingerprint(model, dtype) for key, dtype in _FINGERPRINTS.items()},
    }


def fingerprint(model: PreTrainedModel, dtype: torch.dtype = torch.bfloat16) -> str | None:
    """Tells the pretrained backbone, without its head, from others of the same shape.

    A digest of some numbers of every tensor, rounded to `dtype`: alike of a backbone in fp32 and of the same in
    `dtype`. `None` where there are no such numbers: on the meta device, of a backbone that was rounded to another type,
    or of a quantised one, which cannot be compared with the one that it was made of.
    """
    maps = [module for module in model.base_model.modules() if hasattr(module, "in_features")]
    if any(type(getattr(linear, "weight", None)) is not nn.Parameter for linear in maps):
        return None
    names = {id(p): name for name, p in model.named_parameters()}
    pretrained = carried_by(model).pretrained if hasattr(model, "pelt") else lambda name, value: value
    digest = hashlib.sha256()
    for name, p in model.base_model.named_parameters():
        if name.startswith("pelt."):
            continue
        if p.is_meta or p.dtype not in (torch.float64, torch.float32, dtype):
            return None
        flat = pretrained(names[id(p)], p).detach().flatten()
        sample = flat[:: -(-len(flat) // _SAMPLED)].to("cpu", dtype).view(torch.int16)
        digest.update(name.encode() + sample.numpy().tobytes())
    return digest.hexdigest()[:16]
