"""DoRA gives the numbers of the `peft` library."""

from __future__ import annotations

from typing import Any

import models
import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import PreTrainedModel

from pelt_core.attachment import attach, attached
from pelt_core.grafts import Graft

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft asks

# A fused map is one matrix to peft, and three to us: those are compared by the weights they merge to, elsewhere.
WHERE = {
    "llama": ("q,k,v,o,gate,up,down", {}),
    "bert": ("q,k,v,o,up,down", {}),
    "gpt2": ("o,up,down", {"fan_in_fan_out": True}),
}


def both(family: str, dropout: float = 0.0) -> tuple[PreTrainedModel, Any, list[tuple[Any, Graft]]]:
    """The same DoRA twice, ours and peft's with our weights, moved off their start; and their layers in pairs."""
    positions, how = WHERE[family]
    ours = models.tiny(family)
    attach(ours, f"dora(rank=3,alpha=6,dropout={dropout})@{positions}")
    grafts = {f"{ours.base_model_prefix}.{g.site.write.path}": g for g in attached(ours).all_grafts()}
    config = LoraConfig(r=3, lora_alpha=6, lora_dropout=dropout, use_dora=True, target_modules=list(grafts), **how)
    theirs = get_peft_model(models.tiny(family), config)
    pairs = [(theirs.base_model.model.get_submodule(path), graft) for path, graft in grafts.items()]
    for layer, graft in pairs:
        torch.testing.assert_close(graft.delta.m, layer.lora_magnitude_vector["default"].weight)
    models.stir(ours.pelt, 0.5)
    with torch.no_grad():
        for layer, graft in pairs:
            for mine, other in zip(parameters(graft), peft_parameters(layer), strict=True):
                other.copy_(mine)
    return ours.eval(), theirs.eval(), pairs


def parameters(graft: Graft) -> list[Any]:
    return [graft.delta.A, graft.delta.B, graft.delta.m]


def peft_parameters(layer: Any) -> list[Any]:
    return [getattr(layer, name)["default"].weight for name in ("lora_A", "lora_B", "lora_magnitude_vector")]


@pytest.mark.parametrize("family", WHERE)
def test_the_same_start_logits_and_gradients(family: str) -> None:
    (ours, theirs, pairs), inputs = both(family), models.batch(family)
    plain, expected = models.tiny(family)(**inputs).logits, theirs(**inputs).logits
    assert (models.real(plain, inputs) - models.real(expected, inputs)).abs().max() > 1e-3
    torch.testing.assert_close(ours(**inputs).logits, expected, atol=1e-5, rtol=1e-5)
    for model in (ours, theirs):
        models.loss(model, inputs).backward()
    for layer, graft in pairs:
        for mine, other in zip(parameters(graft), peft_parameters(layer), strict=True):
            assert other.grad.any()
            torch.testing.assert_close(mine.grad, other.grad, atol=1e-5, rtol=1e-4)


def test_the_same_logits_in_training_with_dropout() -> None:
    (ours, theirs, _), inputs = both("llama", dropout=0.2), models.batch("llama")
    kept = theirs(**inputs).logits
    logits = []
    for model in (ours, theirs):
        torch.manual_seed(0)
        logits.append(model.train()(**inputs).logits)
    torch.testing.assert_close(*logits, atol=1e-5, rtol=1e-5)
    assert (logits[0] - kept).abs().max() > 1e-3, "nothing was dropped"
