"""Prefix-tuning against attention written out by hand, and against a cache that holds the prefix already."""

from __future__ import annotations

import math

import models
import pytest
import torch
from torch import Tensor
from transformers import DynamicCache

from pelt_core.attachment import attached
from pelt_core.modules.tokens import Prefix
from pelt_core.sites import sites


def prefixes(model: torch.nn.Module) -> list[Tensor]:
    """Keys and values of each layer, `(2, heads, virtual tokens, head_dim)`."""
    return [graft.delta.P for graft in attached(model).grafts.values()]


def test_every_row_gets_the_same_small_keys_and_values() -> None:
    (site,) = sites(models.tiny("llama"), ("kv",), [0])
    torch.manual_seed(0)
    prefix = Prefix(site, tokens=500)
    key, value = prefix(torch.zeros(3, 7, 32))
    assert key.shape == value.shape == (3, 2, 500, 8)
    assert all(torch.equal(key[row], prefix.P[0]) and torch.equal(value[row], prefix.P[1]) for row in range(3))
    assert abs(prefix.P.std() - 0.02) < 0.001


def heads(x: Tensor) -> Tensor:
    return x.unflatten(-1, (4, 8)).transpose(1, 2)


def alibi(tokens: int) -> Tensor:
    """Slopes `2^(-2 (h + 1))` of four heads times the position of the key."""
    return 2.0 ** (-2 * torch.arange(1, 5)).view(4, 1, 1) * torch.arange(tokens)


@pytest.mark.parametrize("family", ["bert", "bloom", "opt"])
def test_attention_with_a_prefix_by_hand(family: str) -> None:
    """`softmax(q [P_K; K]^T / sqrt(d) + bias) [P_V; V]`, the prefix at BLOOM's position 0, behind no mask."""
    model, seen = models.grown(family, "prefix(tokens=4)", attention="eager"), {}
    name = {
        "bert": "encoder.layer.0.attention.self",
        "bloom": "h.0.self_attention",
        "opt": "decoder.layers.0.self_attn",
    }
    attention = model.base_model.get_submodule(name[family])
    out = {"bert": attention, "bloom": getattr(attention, "dense", None), "opt": getattr(attention, "out_proj", None)}
    out[family].register_forward_hook(lambda module, args, y: seen.update(z=y[0] if family == "bert" else args[0]))
    maps = ("query", "key", "value") if family == "bert" else ("q_proj", "k_proj", "v_proj")
    for host in ["query_key_value"] if family == "bloom" else maps:
        attention.get_submodule(host).register_forward_hook(lambda module, args, y, host=host: seen.update({host: y}))
    model(input_ids=models.batch(family)["input_ids"][1:])

    if family == "bloom":
        q, k, v = (part.transpose(1, 2) for part in seen["query_key_value"].unflatten(-1, (4, 3, 8)).unbind(-2))
    else:
        q, k, v = (heads(seen[host]) for host in maps)
    key, value = prefixes(model)[0]
    scores = q @ torch.cat([key[None], k], 2).mT / math.sqrt(8)
    if family == "bloom":
        scores[..., 4:] += alibi(7)
    if family != "bert":
        scores[..., 4:] += torch.full((7, 7), -torch.inf).triu(1)
    expected = scores.softmax(-1) @ torch.cat([value[None], v], 2)
    torch.testing.assert_close(seen["z"].view(1, 7, 32), expected.transpose(1, 2).flatten(2), atol=1e-5, rtol=1e-5)


# BLOOM takes whatever a cache holds for text and gives it positions.
@pytest.mark.parametrize("family", [family for family in models.DECODERS if family != "bloom"])
def test_it_equals_a_cache_that_holds_the_prefix_already(family: str) -> None:
    model, inputs = models.grown(family, "prefix(tokens=4)"), models.batch(family)
    cache = DynamicCache()
    for layer, (key, value) in enumerate(prefixes(model)):
        cache.update(key.expand(2, -1, -1, -1), value.expand(2, -1, -1, -1), layer)
    mask = inputs["attention_mask"]
    # OPT would count positions from the mask, the prefix included.
    positions = mask.cumsum(1) - 1 if family == "opt" else torch.arange(7).expand(2, -1)
    expected = models.tiny(family)(
        input_ids=inputs["input_ids"],
        attention_mask=torch.cat([torch.ones(2, 4, dtype=torch.long), mask], 1),
        position_ids=positions,
        past_key_values=cache,
    ).logits
    found = model(**inputs).logits
    torch.testing.assert_close(models.real(found, inputs), models.real(expected, inputs), atol=1e-5, rtol=1e-5)


def test_the_mlp_writes_a_slice_for_each_layer() -> None:
    """`tanh(E D^T + b) U^T + c` for all layers at once, laid out as `(layer, key or value, head, head_dim)`."""
    model = models.grown("llama", "mlp_prefix(tokens=3,mid=5)")
    first, second = (graft.delta for graft in attached(model).grafts.values())
    common = first.common
    assert second.common is common
    assert [tuple(p.shape) for p in common.parameters()] == [(3, 32), (5, 32), (5,), (64, 5), (64,)]
    z = torch.tanh(common.E.weight @ common.D.weight.T + common.D.bias)
    written = (z @ common.U.weight.T + common.U.bias).view(3, 2, 2, 2, 8)
    for layer, delta in enumerate((first, second)):
        for found, expected in zip(delta(torch.zeros(4, 7, 32)), written[:, layer].permute(1, 2, 0, 3), strict=True):
            torch.testing.assert_close(found, expected.expand(4, -1, -1, -1))


def test_the_mlp_is_shared_by_the_layers_that_are_asked_for_alone() -> None:
    model = models.grown("llama", "mlp_prefix(tokens=3,mid=5)@kv:1")
    (graft,) = attached(model).grafts.values()
    assert graft.delta.common.U.weight.shape == (2 * 2 * 8, 5)
