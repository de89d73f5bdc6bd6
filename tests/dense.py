"""A BERT with UniPELT's modules and its training, written out from the formulas: padded batches, dicts of tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Weights = Mapping[str, Tensor]
"""Tensors of the backbone by their own names, and of the modules by `layer_position_method.part`; what is not there is
not computed: no module, or no gate in front of it."""


def states(weights: Weights, config: Any, inputs: Weights, alpha_by_rank: float = 1.0, counted: bool = False) -> Tensor:
    """The last hidden states, `(rows, tokens, hidden)`; gates count the padding if `counted`."""
    ids, real = inputs["input_ids"], inputs["attention_mask"]
    types = inputs.get("token_type_ids", torch.zeros_like(ids))
    tables = (weights[f"embeddings.{name}_embeddings.weight"] for name in ("word", "token_type", "position"))
    h = sum(table[index] for table, index in zip(tables, (ids, types, torch.arange(ids.shape[1])), strict=True))
    h = norm(weights, "embeddings.LayerNorm", h, config)
    for i in range(config.num_hidden_layers):
        h = layer(weights, i, h, real, config, alpha_by_rank, counted)
    return h


def layer(
    weights: Weights, i: int, h: Tensor, real: Tensor, config: Any, alpha_by_rank: float, counted: bool
) -> Tensor:
    """`h -> LN(f + G_A adapter(LN(f + a)) + a)`, for `a` after attention and `f` out of the feed-forward layer."""
    seen = torch.ones_like(real) if counted else real
    name, adapter = f"encoder.layer.{i}", f"{i}_mlp_norm_pfeiffer"
    attended = attention(weights, i, h, real, seen, config.num_attention_heads, alpha_by_rank)
    a = linear(weights, f"{name}.attention.output.dense", attended) + h
    a = norm(weights, f"{name}.attention.output.LayerNorm", a, config)
    f = linear(weights, f"{name}.output.dense", F.gelu(linear(weights, f"{name}.intermediate.dense", a)))
    if f"{adapter}.delta.down.weight" in weights:
        z = norm(weights, f"{name}.output.LayerNorm", f + a, config)
        change = linear(weights, f"{adapter}.delta.up", torch.relu(linear(weights, f"{adapter}.delta.down", z)))
        f = f + gate(weights, adapter, z, seen) * change
    return norm(weights, f"{name}.output.LayerNorm", f + a, config)


def attention(
    weights: Weights, i: int, h: Tensor, real: Tensor, seen: Tensor, heads: int, alpha_by_rank: float
) -> Tensor:
    """Self-attention with LoRA behind its gate at query and value, and the prefix behind its own."""

    def projected(position: str, name: str) -> Tensor:
        y, lora = linear(weights, f"encoder.layer.{i}.attention.self.{name}", h), f"{i}_{position}_lora"
        if f"{lora}.delta.A" in weights:
            change = h @ weights[f"{lora}.delta.A"].T @ weights[f"{lora}.delta.B"].T
            y = y + gate(weights, lora, h, seen) * alpha_by_rank * change
        return y.view(*y.shape[:2], heads, -1).transpose(1, 2)

    q, k, v = (projected(*names) for names in (("q", "query"), ("k", "key"), ("v", "value")))
    hidden = real[:, None, None, :] == 0
    if (prefix := f"{i}_kv_prefix") + ".delta.P" in weights:
        P_K, P_V = (gate(weights, prefix, h, seen).unsqueeze(-1) * P for P in weights[f"{prefix}.delta.P"])
        k, v = torch.cat([P_K, k], 2), torch.cat([P_V, v], 2)
        hidden = F.pad(hidden, (P_K.shape[2], 0))
    scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])
    return (scores.masked_fill(hidden, -math.inf).softmax(-1) @ v).transpose(1, 2).flatten(2)


def gate(weights: Weights, module: str, h: Tensor, seen: Tensor) -> Tensor:
    """`mean_t sigmoid(w h_t + b)` over the positions that are seen, `(rows, 1, 1)`; 1 without a gate."""
    if f"{module}.gate.w" not in weights:
        return torch.ones(len(h), 1, 1)
    s = torch.sigmoid(h @ weights[f"{module}.gate.w"].T + weights[f"{module}.gate.b"])
    return (seen.unsqueeze(-1) * s).sum(1, keepdim=True) / seen.sum(1).view(-1, 1, 1)


def linear(weights: Weights, name: str, x: Tensor) -> Tensor:
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def norm(weights: Weights, name: str, x: Tensor, config: Any) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    length = (centred.square().mean(-1, keepdim=True) + config.layer_norm_eps).sqrt()
    return centred / length * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def mean(h: Tensor, real: Tensor) -> Tensor:
    """The mean over the real tokens, `(rows, hidden)`."""
    return (real.unsqueeze(-1) * h).sum(1) / real.sum(1, keepdim=True)


class AdamW:
    """AdamW without decay, with gradients clipped to norm 1, and rates that rise and then fall linearly to 0."""

    def __init__(self, rates: Mapping[str, float], weights: Weights, steps: int, warmup: float) -> None:
        self.rates, self.weights, self.steps, self.warmup, self.t = rates, weights, steps, math.ceil(warmup * steps), 0
        self.m = {name: torch.zeros_like(weights[name]) for name in rates}
        self.v = {name: torch.zeros_like(weights[name]) for name in rates}

    def step(self, loss: Tensor) -> None:
        gradients = torch.autograd.grad(loss, [self.weights[name] for name in self.rates])
        clip = min(1.0, 1 / (math.sqrt(sum(g.square().sum().item() for g in gradients)) + 1e-6))
        up, down = self.t / max(1, self.warmup), (self.steps - self.t) / max(1, self.steps - self.warmup)
        self.t += 1
        with torch.no_grad():
            for (name, rate), g in zip(self.rates.items(), gradients, strict=True):
                self.m[name] += 0.1 * (clip * g - self.m[name])
                self.v[name] += 0.001 * ((clip * g).square() - self.v[name])
                m, v = self.m[name] / (1 - 0.9**self.t), self.v[name] / (1 - 0.999**self.t)
                self.weights[name] -= rate * min(up, down) * m / (v.sqrt() + 1e-8)


def losses(logits: Tensor, labels: Sequence[int]) -> Tensor:
    """`-log p(label)` of each row."""
    return -logits.log_softmax(-1)[torch.arange(len(labels)), torch.tensor(labels)]
