"""DoRA gives the numbers of the `peft` library."""

from __future__ import annotations

from typing import Any

import models
import pytest
import torch
from peft import LoraConfig, get_peft_model
from test_parity_peft import fuse
from torch import Tensor
from transformers import PreTrainedModel

from pelt_core.attachment import attach, attached
from pelt_core.grafts import Graft

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft asks
FAMILIES = ["llama", "bert", "gpt2", "bloom"]


def both(family: str, dropout: float = 0.0) -> tuple[PreTrainedModel, Any, list[tuple[Any, list[Graft]]]]:
    """The same DoRA twice, ours and peft's with our tensors, moved off their start.

    Also gives peft's layers with our grafts there: three at a fused map, where peft has one `A` for all of q, k and v.
    """
    ours = models.tiny(family)
    attach(ours, f"dora(rank=3,alpha=6,dropout={dropout})@linears")
    by_path: dict[str, list[Graft]] = {}
    for graft in attached(ours).all_grafts():
        by_path.setdefault(f"{ours.base_model_prefix}.{graft.site.write.path}", []).append(graft)
    config = LoraConfig(
        r=3,
        lora_alpha=6,
        lora_dropout=dropout,
        use_dora=True,
        target_modules=list(by_path),
        fan_in_fan_out=family == "gpt2",
    )
    theirs = get_peft_model(models.tiny(family), config)
    pairs = [(theirs.base_model.model.get_submodule(path), grafts) for path, grafts in by_path.items()]
    for layer, grafts in pairs:
        torch.testing.assert_close(fused(grafts, [g.delta.m for g in grafts]), tensors(layer)[2])
    models.stir(ours.pelt, 0.5)
    with torch.no_grad():
        for layer, grafts in pairs:
            for graft in grafts:
                graft.delta.A.copy_(grafts[0].delta.A)
            A, B, m = tensors(layer)
            A.copy_(grafts[0].delta.A)
            B.copy_(fused(grafts, [g.delta.B for g in grafts]))
            m.copy_(fused(grafts, [g.delta.m for g in grafts]))
    return ours.eval(), theirs.eval(), pairs


def fused(grafts: list[Graft], parts: list[Tensor]) -> Tensor:
    return fuse(grafts, [part.reshape(len(part), -1) for part in parts]).view(-1, *parts[0].shape[1:])


def tensors(layer: Any) -> list[Tensor]:
    """peft's `A`, `B` and `m`."""
    return [getattr(layer, name)["default"].weight for name in ("lora_A", "lora_B", "lora_magnitude_vector")]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_start_logits_and_gradients(family: str) -> None:
    (ours, theirs, pairs), inputs = both(family), models.batch(family)
    plain, expected = models.tiny(family)(**inputs).logits, theirs(**inputs).logits
    assert (models.real(plain, inputs) - models.real(expected, inputs)).abs().max() > 1e-3
    torch.testing.assert_close(ours(**inputs).logits, expected, atol=1e-5, rtol=1e-5)
    for model in (ours, theirs):
        models.loss(model, inputs).backward()
    for layer, grafts in pairs:
        A, B, m = (t.grad for t in tensors(layer))
        assert A is not None and B is not None and m is not None
        assert A.any() and B.any() and m.any()
        close = {"atol": 1e-5, "rtol": 1e-4}
        torch.testing.assert_close(sum(g.delta.A.grad for g in grafts), A, **close)
        torch.testing.assert_close(fused(grafts, [g.delta.B.grad for g in grafts]), B, **close)
        torch.testing.assert_close(fused(grafts, [g.delta.m.grad for g in grafts]), m, **close)


def test_the_same_logits_in_training_with_dropout() -> None:
    (ours, theirs, _), inputs = both("llama", dropout=0.2), models.batch("llama")
    kept = theirs(**inputs).logits
    logits = []
    for model in (ours, theirs):
        torch.manual_seed(0)
        logits.append(model.train()(**inputs).logits)
    torch.testing.assert_close(*logits, atol=1e-5, rtol=1e-5)
    assert (logits[0] - kept).abs().max() > 1e-3, "nothing was dropped"
