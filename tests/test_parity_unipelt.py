"""UniPELT's BERT is that of `dense`: the formulas of the paper in the order of its released code."""

from __future__ import annotations

import dense
import models
import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from pelt_core.attachment import attach, attached

TERMS = "[pfeiffer(bottleneck=6)@mlp_norm+prefix(tokens=3)+lora(rank=4,alpha=4)@q,v]"
RELEASED, PAPER = f"sequence(padding=counted)*{TERMS}", f"sequence(padding=counted,per=submodule)*{TERMS}"


def weights_of(model: PreTrainedModel) -> dict[str, Tensor]:
    """Copies of what was grown, under the name of each graft that uses it; a tensor of two grafts is one copy."""
    copies: dict[int, Tensor] = {}
    found = {}
    for name, graft in attached(model).grafts.items():
        for key, p in graft.named_parameters():
            copy = copies.setdefault(id(p), p.detach().clone().requires_grad_())
            found[f"{name}.{key.replace('gate.whole.', 'gate.')}"] = copy
    return found


@pytest.mark.parametrize(("spec", "gates"), [(RELEASED, 4), (PAPER, 3)], ids=["released", "paper"])
def test_forward_and_gradients(spec: str, gates: int) -> None:
    model, inputs = models.tiny("bert"), models.batch("bert")
    attach(model, spec)
    models.stir(model, std=0.3)
    weights = weights_of(model)
    assert len({id(w) for name, w in weights.items() if name.endswith("gate.w")}) == gates * 2
    backbone = {name: p.detach() for name, p in models.tiny("bert").base_model.named_parameters()}
    ours = model.base_model(**inputs).last_hidden_state
    theirs = dense.states(backbone | weights, model.config, inputs, counted=True)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    direction = torch.randn(ours.shape, generator=torch.Generator().manual_seed(3))
    (ours * direction).sum().backward()
    (theirs * direction).sum().backward()
    for name, graft in attached(model).grafts.items():
        for key, p in graft.named_parameters():
            expected = weights[f"{name}.{key.replace('gate.whole.', 'gate.')}"].grad
            assert p.grad is not None and p.grad.any()
            torch.testing.assert_close(p.grad, expected, atol=1e-5, rtol=1e-4, msg=f"{name}.{key}")


def test_a_start_is_that_of_the_released_code() -> None:
    model = models.tiny("bert")
    attach(model, "unipelt_released")
    for name, graft in attached(model).grafts.items():
        assert graft.gate is not None
        assert 0.01 < graft.gate.w.std() < 0.03 and not graft.gate.b.any(), name
        if "lora" in name:
            assert not graft.delta.B.any() and graft.delta.A.any()
