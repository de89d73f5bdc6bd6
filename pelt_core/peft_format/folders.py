"""Write and read the folders of the PEFT library; PEFT itself is not needed.

`PeftModel.from_pretrained(backbone, folder)` gives the logits of the model that was saved, and `load_peft` those of the
PEFT model that was.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from pelt_core.attachment import Attachment, attach, attached, carried_by, detach, name_of
from pelt_core.peft_format.kinds import Config, PeftFormatError, Tensors, fitting
from pelt_core.peft_format.maps import IA3, LORA, NORMS
from pelt_core.peft_format.tokens import PREFIX, PROMPT

FORMATS = {"lora": LORA, "dora": LORA, "ia3": IA3, "layernorm": NORMS, "prefix": PREFIX, "prompt": PROMPT}
_WEIGHTS, _CONFIG = "adapter_model.safetensors", "adapter_config.json"
_CHANGES_BACKBONE = ("pissa", "corda", "olora", "loftq", "lora_ga")
_UNHEARD_OF = (
    *("alora_invocation_tokens", "kasa_config", "layer_replication", "lora_bias", "monteclora_config"),
    *("target_parameters", "trainable_token_indices", "use_bdlora", "use_qalora", "velora_config"),
)


@torch.no_grad()
def save_peft(model: PreTrainedModel, folder: str | Path, name: str | None = None) -> None:
    """Writes a method that `model` carries, and a task's head that it trains, as PEFT does.

    A scalar gate before LoRA goes into its `B`, so that what is read back is LoRA without one.

    Raises:
        AttachError: if the model carries nothing, nothing of this name, or several and no name is given.
        PeftFormatError: if PEFT has no such method, or no equal of it on this model; says why.

    """
    attachment = attached(model, name)
    kinds = {term.name for term in attachment.method.terms}
    if wrong := sorted(kinds - FORMATS.keys()):
        raise PeftFormatError(f"PEFT has no {', '.join(wrong)}; of the methods here it has {', '.join(FORMATS)}")
    if len(kinds) > 1:
        raise PeftFormatError(f"a PEFT adapter is one method, not {' and '.join(sorted(kinds))}: attach and save each")
    gates = [group.gate for group in attachment.method.groups if group.gate]
    if wrong := [str(gate) for gate in gates if not (gate.name == "scalar" and kinds == {"lora"})]:
        raise PeftFormatError(
            f"PEFT has no gates, and {attachment.method} is behind {', '.join(wrong)}; only that of scalar*lora can go "
            "into its B"
        )
    peft_type, write, _, where = FORMATS[kinds.pop()]
    config, tensors = write(model, attachment)
    head = carried_by(model).trained(model, name_of(model, name))
    config |= {
        "peft_type": peft_type,
        "task_type": _task(model, head),
        "base_model_name_or_path": model.config.name_or_path or None,
        "inference_mode": True,
        "modules_to_save": sorted({own.split(".")[0] for own in head}) or None,
    }
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors |= {where + own: value for own, value in head.items()}
    save_file({key: value.detach().contiguous() for key, value in tensors.items()}, folder / _WEIGHTS)
    (folder / _CONFIG).write_text(json.dumps(config, indent=2) + "\n")


@torch.no_grad()
def load_peft(model: PreTrainedModel, folder: str | Path, name: str = "default") -> Attachment:
    """Attaches the method in a folder that PEFT wrote, with its tensors.

    Raises:
        PeftFormatError: if the folder is not PEFT's, the method has no equal here, or a tensor has another shape than
            on this model; the model is left as it was.
        AttachError: if the model already carries a method of this name.

    """
    folder = Path(folder)
    if missing := [file for file in (_CONFIG, _WEIGHTS) if not (folder / file).is_file()]:
        raise PeftFormatError(f"{folder} has no {' and no '.join(missing)}: give one that PEFT's save_pretrained wrote")
    try:
        config, tensors = json.loads((folder / _CONFIG).read_text()), load_file(folder / _WEIGHTS)
    except (ValueError, SafetensorError) as error:
        raise PeftFormatError(f"{folder} cannot be read, it may not have been written to its end: {error}") from None
    if not isinstance(config, dict):
        raise PeftFormatError(f"{folder / _CONFIG} holds no settings: give one that PEFT's save_pretrained wrote")
    formats = {form.peft_type: form for form in FORMATS.values()}
    if (peft_type := config.get("peft_type")) not in formats:
        raise PeftFormatError(f"no method here is PEFT's {peft_type}; there are {', '.join(formats)}")
    form = formats[peft_type]
    _refuse_what_is_unheard_of(config)
    try:
        spec, fill = form.read(model, config, tensors)
    except KeyError as error:
        raise PeftFormatError(f"{folder} lacks {error.args[0]}, which a {peft_type} of PEFT has") from None
    attachment = attach(model, spec, name=name)
    try:
        for graft in attachment.all_grafts():
            fill(graft)
        trained = {form.where + own: model.get_parameter(own) for own in attachment.in_place}
        if unknown := sorted(tensors.keys() - trained):
            raise PeftFormatError(f"{', '.join(unknown[:5])} in {folder} belong to nothing on this model")
        fits = {key: fitting(value, trained[key].shape, key) for key, value in tensors.items()}
        for key, value in fits.items():
            trained[key].copy_(value)
    except BaseException:
        detach(model, name)
        raise
    return attachment


def _refuse_what_is_unheard_of(config: Config) -> None:
    unheard = [f"{key}={config[key]!r}" for key in _UNHEARD_OF if config.get(key)]
    if config.get("bias", "none") != "none":
        unheard.append(f"bias={config['bias']!r}")
    if str(config.get("init_lora_weights")).split("_niter")[0] in _CHANGES_BACKBONE:
        unheard.append(f"init_lora_weights={config['init_lora_weights']!r}, which changes the backbone,")
    if unheard:
        raise PeftFormatError(f"{', '.join(unheard)} of {config['peft_type']} has no equal here")


def _task(model: PreTrainedModel, head: Tensors) -> str | None:
    if head:
        return "SEQ_CLS"
    if model.get_output_embeddings() is None:
        return "FEATURE_EXTRACTION"
    return "SEQ_2_SEQ_LM" if model.config.is_encoder_decoder else "CAUSAL_LM"
