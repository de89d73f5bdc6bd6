"""The same methods by the libraries that are compared with."""

from __future__ import annotations

import tempfile
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, PreTrainedModel

AUTO = {"causal-lm": AutoModelForCausalLM, "classification": AutoModelForSequenceClassification}
BOTTLENECK, PREFIX = 64, 10


def build(asked: dict[str, Any], dtype: torch.dtype = torch.float32) -> Any:
    """The backbone in `asked["folder"]` with the method that the settings name; none for the bare backbone."""
    model = AUTO[asked["task"]].from_pretrained(asked["folder"], dtype=dtype)
    match asked["library"]:
        case "transformers":
            return model
        case "peft":
            return _with_peft(model, asked["method"], asked["seed"])
        case "adapters":
            return _with_adapters(model, asked["kind"])
    raise LookupError(f"no library is called {asked['library']!r}; there are transformers, peft, adapters")


def _with_peft(model: PreTrainedModel, method: str, seed: int) -> Any:
    """The very values that `pelt_core` starts from, handed over in PEFT's own format."""
    from peft import PeftModel

    from pelt_core import attach, detach, save_peft

    with tempfile.TemporaryDirectory() as folder:
        attach(model, method, seed=seed)
        save_peft(model, folder)
        detach(model)
        model.requires_grad_(True)
        return PeftModel.from_pretrained(model, folder, is_trainable=True)


def _with_adapters(model: PreTrainedModel, kind: str | None) -> PreTrainedModel:
    """Modules of the same sizes; those whose start does nothing in `pelt_core` do nothing at their start here."""
    import adapters

    narrow = {"reduction_factor": model.config.hidden_size / BOTTLENECK, "init_weights": "mam_adapter"}
    prefix = adapters.PrefixTuningConfig(flat=True, prefix_length=PREFIX)
    configs = {
        "series": adapters.SeqBnConfig(**narrow),
        "parallel": adapters.ParBnConfig(**narrow),
        "prefix": prefix,
        "lora": adapters.LoRAConfig(r=8, alpha=16),
        "wide lora": adapters.LoRAConfig(
            r=32, alpha=64, attn_matrices=["q", "k", "v"], intermediate_lora=True, output_lora=True
        ),
        "unipelt": adapters.UniPELTConfig(
            prefix_tuning=prefix, adapter=adapters.SeqBnConfig(**narrow), lora=adapters.LoRAConfig(r=8, alpha=8)
        ),
    }
    if kind is None:
        return model
    adapters.init(model)
    model.add_adapter("peer", config=configs[kind])
    model.train_adapter("peer")
    return model
