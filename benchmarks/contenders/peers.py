"""The same methods by the libraries compared with, from the same starting values where the maths is the same."""

from __future__ import annotations

import re
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, PreTrainedModel

AUTO = {"causal-lm": AutoModelForCausalLM, "classification": AutoModelForSequenceClassification}
BOTTLENECK, PREFIX = 64, 10
_POSITION = {"query": "q", "q_proj": "q", "value": "v", "v_proj": "v"}


def build(asked: dict[str, Any], dtype: torch.dtype = torch.float32) -> Any:
    """The backbone in `asked["folder"]` with the method `asked["kind"]`; None for the bare backbone.

    `asked["start"]` has the values that `pelt_core` starts from: a folder in PEFT's format, or a file of tensors.
    """
    model = AUTO[asked["task"]].from_pretrained(asked["folder"], dtype=dtype)
    if asked["kind"] is None:
        return model
    return {"peft": _with_peft, "adapters": _with_adapters}[asked["library"]](model, asked["kind"], asked.get("start"))


def _with_peft(model: PreTrainedModel, kind: str, start: Any) -> Any:
    from peft import PeftModel

    # PEFT trains no prefix that was loaded; none is trained here.
    return PeftModel.from_pretrained(model, start, is_trainable=kind == "lora")


def _with_adapters(model: Any, kind: str, start: str | None) -> Any:
    import adapters

    # The adapter reads what the MLP wrote, as `series@mlp` does, and not the sum of that and the residual.
    narrow = {"reduction_factor": model.config.hidden_size / BOTTLENECK, "original_ln_before": False}
    prefix = adapters.PrefixTuningConfig(flat=True, prefix_length=PREFIX)
    configs = {
        "series": adapters.SeqBnConfig(**narrow),
        "parallel": adapters.ParBnConfig(reduction_factor=narrow["reduction_factor"], scaling=1.0),
        "prefix": prefix,
        "lora": adapters.LoRAConfig(r=8, alpha=16),
        "wide lora": adapters.LoRAConfig(
            r=32, alpha=64, attn_matrices=["q", "k", "v"], intermediate_lora=True, output_lora=True
        ),
        "unipelt": adapters.UniPELTConfig(
            prefix_tuning=prefix,
            adapter=adapters.SeqBnConfig(reduction_factor=narrow["reduction_factor"]),
            lora=adapters.LoRAConfig(r=8, alpha=8),
        ),
    }
    adapters.init(model)
    model.add_adapter("peer", config=configs[kind])
    model.train_adapter("peer")
    if start:
        _start_from(model, load_file(start))
    return model


@torch.no_grad()
def _start_from(model: PreTrainedModel, values: dict[str, torch.Tensor]) -> None:
    """Copies the matrices and biases of LoRA and of bottlenecks; the maths of gates and prefixes is not the same."""
    for name, parameter in model.named_parameters():
        if here := _name_here(name):
            [value] = [value for key, value in values.items() if re.search(here, key)]
            parameter.copy_(value)


def _name_here(name: str) -> str | None:
    """What a parameter of `adapters` is called by `pelt_core`, as a regular expression."""
    if found := re.search(r"\.(\d+)\..*adapter_(down|up)(?:\.0)?\.(weight|bias)$", name):
        return rf"\.{found[1]}_mlp\w*\.delta\.{found[2]}\.{found[3]}$"
    if found := re.search(r"\.(\d+)\..*\.(\w+)\.loras\.\w+\.lora_(A|B)$", name):
        return rf"\.{found[1]}_{_POSITION[found[2]]}_lora\.delta\.{found[3]}$"
    return None
