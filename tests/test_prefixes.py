from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import models
import pytest
import torch
from torch import Tensor, nn
from transformers import DynamicCache, EncoderDecoderCache, PreTrainedModel, StaticCache

from pelt_core.attachment import attach, attached
from pelt_core.errors import PeltError
from pelt_core.packing import Packing
from pelt_core.prefixes import KeyValueGraft, MaskError, PackedPrefix, PrefixedCache, _pay_prefix, _see_prefix
from pelt_core.sites import sites


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_cache_keeps_the_text_alone(wrapped: bool) -> None:
    kept, prefix = DynamicCache(), torch.randn(2, 1, 2, 3, 4)
    text = torch.randn(2, 1, 2, 5, 4)
    given = EncoderDecoderCache(kept, DynamicCache()) if wrapped else kept
    for tokens in (slice(0, 4), slice(4, 5)):
        cache = PrefixedCache(given, *prefix)
        assert cache.get_seq_length(0) == tokens.start
        key, value = cache.update(text[0][:, :, tokens], text[1][:, :, tokens], 0)
    assert kept.get_seq_length() == 5
    assert torch.equal(kept.layers[0].keys, text[0]) and torch.equal(kept.layers[0].values, text[1])
    assert torch.equal(key, torch.cat([prefix[0], text[0]], 2))
    assert torch.equal(value, torch.cat([prefix[1], text[1]], 2))


def test_a_prefix_behind_a_prefix_counts_too() -> None:
    one, other, text = torch.randn(1, 2, 3, 4), torch.randn(1, 2, 2, 4), torch.randn(1, 2, 5, 4)
    cache = PrefixedCache(PrefixedCache(None, one, one), other, other)
    assert (cache.length, cache.depth) == (2, 5)
    assert torch.equal(cache.update(text, text, 0)[0], torch.cat([other, one, text], 2))


def test_a_prefix_takes_the_type_of_the_text() -> None:
    text = torch.zeros(1, 2, 5, 4, dtype=torch.bfloat16)
    key, value = PrefixedCache(None, *torch.ones(2, 1, 2, 3, 4)).update(text, text)
    assert key.shape == value.shape == (1, 2, 8, 4) and key.dtype is value.dtype is torch.bfloat16


@pytest.mark.parametrize("rows", [1, 3])
def test_packed_rows_each_get_the_prefixes_in_front(rows: int) -> None:
    """`rows` is 1 for a prefix that is the same for all of them."""
    packing, text = Packing((2, 1, 4), 4), torch.randn(1, 2, 7, 4)
    one, other = torch.randn(2, rows, 2, 3, 4), torch.randn(2, 1, 2, 2, 4)
    cache = PackedPrefix(PackedPrefix(None, *one, packing), *other, packing)
    for found, front, behind, t in zip(cache.update(text, -text), other, one, (text, -text), strict=True):
        each = [
            torch.cat([front[0], behind[min(row, rows - 1)], part[0]], 1)
            for row, part in enumerate(t.split((2, 1, 4), 2))
        ]
        assert torch.equal(found[0], torch.cat(each, 1))


def attention(implementation: str, is_causal: bool) -> SimpleNamespace:
    return SimpleNamespace(config=SimpleNamespace(_attn_implementation=implementation), is_causal=is_causal)


def test_without_a_mask_causal_attention_gets_one_that_shows_the_prefix() -> None:
    mask = _see_prefix(None, 2, attention("sdpa", is_causal=True), torch.zeros(1, 3, 4))
    assert mask is not None and mask.dtype is torch.bool
    assert mask[0, 0].int().tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 0], [1, 1, 1, 1, 1]]


@pytest.mark.parametrize(
    ("implementation", "is_causal", "tokens"), [("sdpa", False, 3), ("sdpa", True, 1), ("flash_attention_2", True, 3)]
)
def test_without_a_mask_other_attention_needs_none(implementation: str, is_causal: bool, tokens: int) -> None:
    assert _see_prefix(None, 2, attention(implementation, is_causal), torch.zeros(1, tokens, 4)) is None


@pytest.mark.parametrize(
    ("mask", "shown"),
    [
        (torch.tensor([[0, 1, 1]]), [[1, 1, 0, 1, 1]]),
        (torch.tensor([[[[False, True]]]]), [[[[1, 1, 0, 1]]]]),
        (torch.tensor([[[[-9.0, 0.0]]]]), [[[[0, 0, -9, 0]]]]),
    ],
    ids=["tokens", "boolean", "additive"],
)
def test_a_mask_is_widened_in_its_own_kind(mask: Tensor, shown: list[object]) -> None:
    wider = _see_prefix(mask, 2, attention("sdpa", is_causal=True), torch.zeros(1, mask.shape[-1], 4))
    assert wider is not None and wider.dtype is mask.dtype
    assert wider.int().tolist() == shown


def test_a_mask_that_is_no_tensor_is_refused() -> None:
    with pytest.raises(MaskError, match="'flex_attention' attention makes it a set.*'sdpa', 'eager'") as caught:
        _see_prefix(set(), 2, attention("flex_attention", is_causal=True), torch.zeros(1, 3, 4))  # type: ignore[arg-type]
    assert isinstance(caught.value, PeltError)


@pytest.mark.parametrize(("family", "hooks"), [("llama", 1), ("t5", 2)])
def test_attention_alone_is_hooked(family: str, hooks: int) -> None:
    model = models.tiny(family)
    (found,) = sites(model, ("kv",), [0])
    handles = KeyValueGraft(found, nn.Identity()).wire(model.base_model)
    attention = model.base_model.get_submodule(found.write.path)
    assert len(handles) == hooks == len(attention._forward_pre_hooks) + len(attention._forward_hooks)


@pytest.mark.parametrize("family", ["llama", "gemma", "gpt_neox", "t5"])
@torch.no_grad()
def test_a_static_cache_without_a_mask_has_room_that_no_token_sees(family: str) -> None:
    model = models.grown(family, "prefix(tokens=4)")
    inputs = {name: value[1:] for name, value in models.unmasked(models.batch(family)).items()}
    cache: Any = StaticCache(model.config, max_cache_len=12)
    if family == "t5":
        cache = EncoderDecoderCache(cache, DynamicCache())
    torch.testing.assert_close(model(**inputs, past_key_values=cache).logits, model(**inputs, use_cache=False).logits)


def t5_attention(model: PreTrainedModel, stack: str) -> list[dict[str, Tensor]]:
    """What each layer's self-attention of one of T5's stacks read, worked with and gave."""
    seen: list[dict[str, Tensor]] = []
    for block in getattr(model, stack).block:
        attention, own = block.layer[0].SelfAttention, {}
        for name in "qkv":
            getattr(attention, name).register_forward_hook(
                lambda module, args, y, own=own, name=name: own.update({name: y})
            )
        attention.o.register_forward_pre_hook(lambda module, args, own=own: own.update(z=args[0]))
        attention.register_forward_hook(lambda module, args, y, own=own: own.update(bias=y[1]))
        seen.append(own)
    model(**models.unmasked(models.batch("t5")))
    return seen


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
@pytest.mark.parametrize(("stack", "tokens"), [("encoder", 7), ("decoder", 5)])
@torch.no_grad()
def test_t5_adds_no_bias_to_a_prefix_and_that_of_the_text_to_the_text(
    stack: str, tokens: int, implementation: str
) -> None:
    """`softmax(q [P_K; K]^T + [0; bias]) [P_V; V]` in every layer, with the bias of the first one's text."""
    model = models.grown("t5", "prefix(tokens=4)", implementation)
    first = 0 if stack == "encoder" else 2
    bias = getattr(model, stack).block[0].layer[0].SelfAttention.compute_bias(tokens, tokens)
    if stack == "decoder":
        bias = bias + torch.full((tokens, tokens), -torch.inf).triu(1)
    for layer, own in enumerate(t5_attention(model, stack), first):
        P_K, P_V = attached(model).grafts[f"{layer}_kv_prefix"].delta.P.unsqueeze(1).expand(-1, 2, -1, -1, -1)
        q, k, v = (own[name].unflatten(-1, (4, 8)).transpose(1, 2) for name in "qkv")
        scores = q @ torch.cat([P_K, k], 2).mT
        scores[..., 4:] += bias
        expected = (scores.softmax(-1) @ torch.cat([P_V, v], 2)).transpose(1, 2).flatten(2)
        torch.testing.assert_close(own["z"], expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_what_t5_hands_on_is_the_bias_of_the_text_behind_any_number_of_prefixes() -> None:
    model = models.tiny("t5")
    expected = [own["bias"] for own in t5_attention(model, "decoder")]
    attach(model, "prefix(tokens=4):2", name="one")
    attach(model, "prefix(tokens=3)", name="two")
    for own, bias in zip(t5_attention(model, "decoder"), expected, strict=True):
        torch.testing.assert_close(own["bias"], bias)


# Behind a gate


def attentions(spec: str, bias: float) -> Tensor:
    """Of the first layer, with the prefix's gate at `sigmoid(bias)`, `(batch, heads, tokens, prefix + tokens)`."""
    model = models.grown("llama", spec, attention="eager")
    (graft,) = attached(model).grafts.values()
    if graft.gate is not None:
        torch.nn.init.constant_(graft.gate.b, bias)
    found: Tensor = model(**models.batch("llama"), output_attentions=True).attentions[0]
    return found[1]


def test_a_gate_for_every_token_scales_what_its_query_pays() -> None:
    plain, gated = attentions("prefix(tokens=3):0", 0), attentions("token*prefix(tokens=3):0", -1.0)
    model = models.grown("llama", "token*prefix(tokens=3):0")
    (graft,) = attached(model).grafts.values()
    torch.nn.init.constant_(graft.gate.b, -1.0)
    values: list[Tensor] = []
    graft.gate.register_forward_hook(lambda gate, args, g: values.append(g[1]))
    model(**models.batch("llama"))
    g = values[0].unsqueeze(0)  # (1, tokens, 1)
    assert g.std() > 1e-3
    expected = torch.cat([g * plain[..., :3], plain[..., 3:]], -1)
    torch.testing.assert_close(gated, expected / expected.sum(-1, keepdim=True))


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize(
    ("family", "attention"),
    [("bloom", None), *((family, kind) for family in ("bert", "llama", "t5") for kind in ("eager", "sdpa"))],
)
def test_a_gate_that_is_shut_hides_the_prefix(family: str, attention: str | None, masked: bool) -> None:
    batch = models.batch(family) if masked else models.unmasked(models.batch(family))
    model = models.grown(family, "token*prefix(tokens=3)", attention)
    for graft in attached(model).grafts.values():
        torch.nn.init.constant_(graft.gate.b, -200.0)
    found, expected = model(**batch).logits, models.tiny(family, attention)
    if family == "bert":
        expected.classifier.load_state_dict(model.classifier.state_dict())
    torch.testing.assert_close(models.real(found, batch), models.real(expected(**batch).logits, batch))


@pytest.mark.parametrize("family", ["llama", "gpt2", "t5"])
@pytest.mark.parametrize("cache", ["dynamic", "static"])
def test_a_gate_for_every_token_while_decoding_without_a_mask(family: str, cache: str) -> None:
    model = models.grown(family, "token*prefix(tokens=3)", "sdpa")
    one = {name: value[1:] for name, value in models.batch(family).items()}
    how = {"do_sample": False, "min_new_tokens": 5, "max_new_tokens": 5, "return_dict_in_generate": True}
    cached = model.generate(**one, **how, output_logits=True, cache_implementation=cache, disable_compile=True)
    plain = model.generate(**one, **how, output_logits=True, use_cache=False)
    torch.testing.assert_close(torch.stack(cached.logits), torch.stack(plain.logits), atol=1e-5, rtol=1e-5)


def after_a_layer(model: PreTrainedModel) -> Tensor:
    """What the first layer gives, `(batch, tokens, hidden)`."""
    hidden: list[Tensor] = []
    handle = model.bert.encoder.layer[0].register_forward_hook(lambda block, args, output: hidden.append(output))
    model(**models.batch("bert"))
    handle.remove()
    return hidden[0]


def test_rows_that_do_not_choose_the_prefix_do_not_see_it() -> None:
    prefix, series = "prefix(tokens=3)", "series(bottleneck=4)@mlp"
    choosing = models.grown("bert", f"softmax(hard=true)*[{prefix}:0+{series}:0]")
    grafts = attached(choosing).grafts
    shares = torch.tensor([[[0.7, 0.0]], [[0.0, 0.6]]])
    grafts["0_kv_prefix"].gate.whole.register_forward_hook(lambda gate, args, g: shares)
    found = after_a_layer(choosing)
    for row, (spec, name, share) in enumerate(((prefix, "0_kv_prefix", 0.7), (series, "0_mlp_series", 0.6))):
        alone = models.grown("bert", f"scalar*{spec}:0")
        attached(alone).grafts[name].delta.load_state_dict(grafts[name].delta.state_dict())
        torch.nn.init.constant_(attached(alone).grafts[name].gate.a, math.log(share / (1 - share)))
        torch.testing.assert_close(found[row], after_a_layer(alone)[row])


@pytest.mark.parametrize("mask", [None, torch.ones(1, 4)])
def test_flash_attention_has_no_room_for_a_gate_for_every_token(mask: Tensor | None) -> None:
    flash = attention("flash_attention_2", is_causal=True)
    cache = PrefixedCache(None, *torch.zeros(2, 1, 1, 2, 4))
    with pytest.raises(MaskError, match="flash attention does not take.*'sdpa' or 'eager'"):
        _pay_prefix(mask, torch.ones(1, 2, 1), cache, flash, torch.zeros(1, 2, 4))
