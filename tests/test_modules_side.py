"""Ladder side-tuning and side-tuning: their formulas by hand, no gradient in the backbone, and the cache."""

from __future__ import annotations

import math
from typing import Any

import contracts
import models
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, DynamicCache, LlamaConfig, PreTrainedModel, StaticCache

from pelt_core.attachment import attach, attached, detach
from pelt_core.decode import greedy
from pelt_core.modules.side import SideError
from pelt_core.sites import AnatomyError

LADDER, SIDE = models.LADDER, models.SIDE


def delta(model: PreTrainedModel) -> Any:
    (graft,) = attached(model).all_grafts()
    return graft.delta


def bert_layer(layer: Any, h: Tensor) -> Tensor:
    """One layer of BERT at any width, heads of 8, no padding."""
    q, k, v = (
        F.linear(h, m.weight, m.bias).unflatten(-1, (-1, 8)).transpose(1, 2)
        for m in (layer.attention.self.query, layer.attention.self.key, layer.attention.self.value)
    )
    z = ((q @ k.mT / math.sqrt(8)).softmax(-1) @ v).transpose(1, 2).flatten(2)

    def normed(norm: nn.LayerNorm, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], norm.weight, norm.bias, norm.eps)

    o, up, down = layer.attention.output, layer.intermediate.dense, layer.output
    h = normed(o.LayerNorm, h + F.linear(z, o.dense.weight, o.dense.bias))
    return normed(
        down.LayerNorm, h + F.linear(F.gelu(F.linear(h, up.weight, up.bias)), down.dense.weight, down.dense.bias)
    )


def states(model: PreTrainedModel, ids: Tensor) -> tuple[Tensor, ...]:
    """`h_0` to `h_N` of the backbone alone."""
    return model.base_model(input_ids=ids, output_hidden_states=True).hidden_states


def ended(model: PreTrainedModel, ids: Tensor) -> Tensor:
    return model.base_model(input_ids=ids).last_hidden_state


@torch.no_grad()
def test_the_ladder_by_hand() -> None:
    ids = models.batch("bert")["input_ids"][1:]
    h = states(models.tiny("bert"), ids)
    model = models.grown("bert", "ladder(reduction=2,temperature=0.5)")
    own = delta(model)
    side = h[0] @ own.W[0].weight.T
    for i in (0, 1):
        mu = 1 / (1 + torch.exp(-own.a[i] / 0.5))
        side = bert_layer(own.narrow.layers[i], mu * side + (1 - mu) * h[i + 1] @ own.W[i + 1].weight.T)
    torch.testing.assert_close(ended(model, ids), h[2] + side @ own.U.weight.T, atol=1e-5, rtol=1e-5)
    assert own.W[0].weight.shape == (16, 32) and own.U.weight.shape == (32, 16)


@torch.no_grad()
def test_side_tuning_by_hand() -> None:
    ids = models.batch("bert")["input_ids"][1:]
    h = states(models.tiny("bert"), ids)
    model = models.grown("bert", SIDE)
    own = delta(model)
    alpha, side = 1 / (1 + torch.exp(-own.a)), h[0] @ own.W.weight.T
    for layer in own.narrow.layers:
        side = bert_layer(layer, side)
    expected = alpha * h[2] + (1 - alpha) * side @ own.U.weight.T
    torch.testing.assert_close(ended(model, ids), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_side_tuning_reads_nothing_but_the_embeddings() -> None:
    """With `alpha = 0`, the layers of the backbone have no say."""
    model, inputs = models.grown("llama", SIDE), models.batch("llama")
    delta(model).a.fill_(-100)
    before = model(**inputs).logits
    model.model.layers[0].mlp.up_proj.weight.mul_(3)
    torch.testing.assert_close(model(**inputs).logits, before)
    model.model.embed_tokens.weight.mul_(3)
    assert not torch.allclose(model(**inputs).logits, before)


def test_both_start_from_the_pruned_backbone() -> None:
    model = models.tiny("llama")
    attach(model, "ladder(reduction=4)", name="ladder")
    attach(model, "side(reduction=4)", name="side")
    ladder, side = (attached(model, name).all_grafts()[0].delta for name in ("ladder", "side"))
    choice = torch.eye(32)[ladder.narrow.channels]
    assert all(torch.equal(W.weight, choice) for W in [*ladder.W, side.W])
    assert torch.equal(side.U.weight, choice.T) and not ladder.U.weight.any()
    assert not ladder.a.any() and not side.a.any()


@pytest.mark.parametrize("spec", [LADDER, SIDE])
@pytest.mark.parametrize("family", [*models.ENCODERS, *models.DECODERS])
def test_no_gradient_passes_through_the_backbone(family: str, spec: str) -> None:
    model, inputs = models.grown(family, spec).train(), models.batch(family)
    written: list[Any] = []
    inside = [m for name, m in model.base_model.named_modules() if name and not name.startswith("pelt.")]
    end = model.base_model.get_submodule(attached(model).all_grafts()[0].site.write.path)
    handles = [m.register_forward_hook(lambda m, x, y: written.append(y)) for m in inside if m is not end]
    read: list[Tensor] = []
    handles.append(delta(model).register_forward_pre_hook(lambda m, args: read.extend(args[0])))
    loss = models.loss(model, inputs)
    tensors = [t for y in written for t in (y if isinstance(y, tuple) else [y]) if isinstance(t, Tensor)]
    if family in models.ENCODERS:
        tensors = [t for t in tensors if t.shape[1:] == (7, 32)]  # the head comes behind the ladder
    assert len(tensors) > 20 and not any(t.requires_grad for t in tensors)
    assert len(read) == 3 and not any(state.requires_grad for state in read)
    loss.backward()
    assert all(p.grad is not None for p in delta(model).parameters())


def test_what_it_reads_of_another_method_is_detached() -> None:
    """Beside LoRA the states have a gradient to cut: with `y` taken away, none reaches LoRA."""
    model, ids = models.grown("llama", f"lora@q,v+{LADDER}").train(), models.batch("llama")["input_ids"]
    own = delta_of(model, "final_ladder")
    changes: list[Tensor] = []
    own.register_forward_hook(lambda m, args, change: changes.append(change))
    model(input_ids=ids)
    changes[0].sum().backward()
    assert own.U.weight.grad is not None
    assert all(p.grad is None for name, p in model.named_parameters() if "lora" in name)


def delta_of(model: PreTrainedModel, key: str) -> Any:
    return attached(model).grafts[key].delta


def saved_for_backward(spec: str) -> int:
    """The bytes that autograd keeps between forward and backward, each storage once and parameters aside."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=32, hidden_size=128, intermediate_size=344, num_hidden_layers=4, num_attention_heads=8
    )
    model = AutoModelForCausalLM.from_config(config).train()
    attach(model, spec)
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, int] = {}

    def pack(t: Tensor) -> Tensor:
        storage = t.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        alive.append(t)  # so that no address is used twice
        return t

    alive: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        hidden = model.model(input_ids=torch.arange(64).view(2, 32) % 32, use_cache=False).last_hidden_state
    assert hidden.requires_grad
    return sum(kept.values())


def test_training_keeps_much_less_than_lora() -> None:
    """What the method was published for; LoRA at rank 1, so that nearly all it keeps is the backbone's."""
    lora = saved_for_backward("lora(rank=1)@q,v")
    assert saved_for_backward("ladder(reduction=8)") < 0.35 * lora
    assert saved_for_backward("side(reduction=8)") < 0.35 * lora


@pytest.mark.parametrize("spec", [LADDER, SIDE])
@pytest.mark.parametrize("family", models.DECODERS)
def test_beams_take_the_keys_and_values_of_the_side_network_along(family: str, spec: str) -> None:
    contracts.generates_alike_with_and_without_cache(family, spec, num_beams=3)


@pytest.mark.parametrize("family", ["llama", "mistral", "gpt2", "opt"])
def test_a_static_cache_has_room_for_it(family: str) -> None:
    static = {"cache_implementation": "static", "disable_compile": True}
    contracts.generates_alike_with_and_without_cache(family, LADDER, **static)


def test_a_sliding_window_slides_for_it_too() -> None:
    torch.manual_seed(0)
    config = models.tiny("mistral").config
    config.sliding_window = 4
    model = AutoModelForCausalLM.from_config(config).eval()
    attach(model, LADDER)
    models.stir(model)
    how: dict[str, Any] = {"do_sample": False, "min_new_tokens": 6, "max_new_tokens": 6}
    inputs = models.batch("mistral")
    assert torch.equal(model.generate(**inputs, **how), model.generate(**inputs, **how, use_cache=False))


@pytest.mark.parametrize("spec", [LADDER, SIDE])
def test_rows_that_have_ended_leave_its_cache(spec: str) -> None:
    model, inputs = models.grown("llama", spec), models.batch("llama")
    ids, mask = (torch.cat([inputs[name], inputs[name].flip(0)]) for name in ("input_ids", "attention_mask"))
    expected = greedy(model, ids, mask, max_new_tokens=8, stops=frozenset())
    early = frozenset([expected[0][1]])  # the first row, and the fourth, end after one token
    assert expected[1][0] not in early
    found = greedy(model, ids, mask, max_new_tokens=8, stops=early)
    assert [row[: len(cut)] for row, cut in zip(expected, found, strict=True)] == found
    assert len(found[0]) < len(found[1])


def test_its_cache_is_beside_that_of_the_backbone() -> None:
    model, inputs = models.grown("llama", LADDER), models.batch("llama")
    cache = model(**inputs, use_cache=True).past_key_values
    assert len(cache) == 4 and cache.get_seq_length() == 7
    assert [layer.keys.shape[1] for layer in cache.layers] == [2, 2, 1, 1]
    plain = models.tiny("llama")(**inputs, use_cache=True).past_key_values
    assert all(torch.equal(cache.layers[i].keys, plain.layers[i].keys) for i in (0, 1))


@torch.no_grad()
def test_a_cache_that_has_its_shapes_from_the_start_gets_others_for_it() -> None:
    model, inputs = models.grown("llama", LADDER), models.batch("llama")
    cache = StaticCache(config=model.config, max_cache_len=7)
    cache.early_initialization(batch_size=2, num_heads=2, head_dim=8, dtype=torch.float32, device=torch.device("cpu"))
    found = model(**inputs, past_key_values=cache).logits
    assert [layer.keys.shape for layer in cache.layers[1:3]] == [(2, 2, 7, 8), (2, 1, 7, 8)]
    torch.testing.assert_close(models.real(found, inputs), models.real(model(**inputs).logits, inputs))


def test_two_side_networks_share_a_cache() -> None:
    model, inputs = models.grown("llama", f"{LADDER}+{SIDE}"), models.batch("llama")
    how: dict[str, Any] = {"do_sample": False, "min_new_tokens": 5, "max_new_tokens": 5}
    assert torch.equal(model.generate(**inputs, **how), model.generate(**inputs, **how, use_cache=False))
    assert len(model(**inputs, use_cache=True).past_key_values) == 6


@pytest.mark.parametrize("made_from_the_config", [True, False])
def test_a_cache_filled_without_it_is_refused(made_from_the_config: bool) -> None:
    model, inputs = models.tiny("llama"), models.batch("llama")
    cache = DynamicCache(config=model.config) if made_from_the_config else DynamicCache()
    model(**inputs, past_key_values=cache, use_cache=True)
    attach(model, LADDER)
    with pytest.raises(SideError, match="filled before the side network was attached.*start from an empty cache"):
        model(input_ids=torch.tensor([[5], [6]]), past_key_values=cache, use_cache=True)
    detach(model)
    model(input_ids=torch.tensor([[5], [6]]), past_key_values=cache, use_cache=True)


def test_it_stands_beside_all_layers_or_none() -> None:
    with pytest.raises(AnatomyError, match="final is outside of the layers: leave the choice of layers out"):
        attach(models.tiny("llama"), "ladder:0")


def test_a_rung_that_is_almost_closed_is_not_lost_over_bf16() -> None:
    model = models.grown("llama", LADDER, dtype=torch.bfloat16)
    nn.init.constant_(delta(model).a, 0.65)  # mu = 0.9985, of which bf16 makes 1
    models.loss(model, models.batch("llama")).backward()
    assert delta(model).W[1].weight.grad.any()
