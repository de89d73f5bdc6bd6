"""UniPELT's BERT, written out densely from the formulas of the paper and the order of its released code."""

from __future__ import annotations

import math
from typing import Any

import models
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedModel

from pelt_core.attachment import attach, attached

TERMS = "[pfeiffer(bottleneck=6)@mlp_norm+prefix(tokens=3)+lora(rank=4,alpha=4)@q,v]"
RELEASED, PAPER = f"sequence(padding=counted)*{TERMS}", f"sequence(padding=counted,per=submodule)*{TERMS}"


def gate(weights: dict[str, Tensor], graft: str, h: Tensor) -> Tensor:
    """`mean_t sigmoid(w h_t + b)` over all positions, `(batch, 1, 1)`."""
    w, b = (weights[f"{graft}.gate.{name}"] for name in ("w", "b"))
    return torch.sigmoid(h @ w.T + b).mean(dim=1, keepdim=True)


def linear(host: Any, x: Tensor) -> Tensor:
    return x @ host.weight.detach().T + host.bias.detach()


def norm(host: Any, x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], host.weight.detach(), host.bias.detach(), host.eps)


def attention(block: Any, weights: dict[str, Tensor], i: int, h: Tensor, mask: Tensor, heads: int) -> Tensor:
    """Self-attention with LoRA behind its gate at query and value, and the prefix behind its own."""
    own = block.attention.self

    def gated_lora(position: str, host: Any) -> Tensor:
        name = f"{i}_{position}_lora"
        A, B = weights[f"{name}.delta.A"], weights[f"{name}.delta.B"]
        return linear(host, h) + gate(weights, name, h) * (h @ A.T @ B.T)

    def by_head(x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], heads, -1).transpose(1, 2)

    q, k, v = (by_head(x) for x in (gated_lora("q", own.query), linear(own.key, h), gated_lora("v", own.value)))
    P_K, P_V = weights[f"{i}_kv_prefix.delta.P"]
    g = gate(weights, f"{i}_kv_prefix", h).unsqueeze(-1)
    k, v = torch.cat([g * P_K, k], dim=2), torch.cat([g * P_V, v], dim=2)
    scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])
    hidden = F.pad(mask[:, None, None, :] == 0, (P_K.shape[1], 0))
    return (scores.masked_fill(hidden, -math.inf).softmax(-1) @ v).transpose(1, 2).flatten(2)


def layer(block: Any, weights: dict[str, Tensor], i: int, h: Tensor, mask: Tensor, heads: int) -> Tensor:
    """`h -> LN(f + G_A adapter(LN(f + a)) + a)`, for `a` after attention and `f` out of the feed-forward layer."""
    output = block.attention.output
    a = norm(output.LayerNorm, linear(output.dense, attention(block, weights, i, h, mask, heads)) + h)
    f = linear(block.output.dense, F.gelu(linear(block.intermediate.dense, a)))
    adapter = f"{i}_mlp_norm_pfeiffer"
    D, b, U, c = (weights[f"{adapter}.delta.{name}"] for name in ("down.weight", "down.bias", "up.weight", "up.bias"))
    z = norm(block.output.LayerNorm, f + a)
    f = f + gate(weights, adapter, z) * (torch.relu(z @ D.T + b) @ U.T + c)
    return norm(block.output.LayerNorm, f + a)


def dense(model: PreTrainedModel, weights: dict[str, Tensor], inputs: dict[str, Tensor]) -> Tensor:
    """The last hidden states, `(batch, tokens, hidden)`."""
    bert = models.tiny("bert").base_model
    h = bert.embeddings(input_ids=inputs["input_ids"]).detach()
    for i, block in enumerate(bert.encoder.layer):
        h = layer(block, weights, i, h, inputs["attention_mask"], model.config.num_attention_heads)
    return h


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
    ours, theirs = model.base_model(**inputs).last_hidden_state, dense(model, weights, inputs)
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
