from __future__ import annotations

import models
import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM, LlamaConfig, MambaConfig, T5Config, T5EncoderModel

from pelt_core.anatomy import ANATOMIES, KEYS_VALUES, OUTSIDE, Fused, Port
from pelt_core.sites import AnatomyError, bias_at, layers, part_of, sites, stacks, weight_at


def test_sites_come_layer_by_layer() -> None:
    found = sites(models.tiny("llama"), ("q", "mlp"))
    assert [(site.layer, site.position) for site in found] == [(0, "q"), (0, "mlp"), (1, "q"), (1, "mlp")]
    assert found[3].read == Port("layers.1.mlp.up_proj", "in")
    assert found[3].write == Port("layers.1.mlp.down_proj", "out")
    assert [site.layer for site in sites(models.tiny("llama"), ("q",), [1])] == [1]
    assert [site.layer for site in sites(models.tiny("llama"), ("q",), [-1])] == [1]


def test_what_the_last_map_of_a_sublayer_reads_is_changed_on_its_way_in() -> None:
    heads, inner = sites(models.tiny("llama"), ("heads", "inner"), [0])
    assert (heads.read, heads.write) == (
        Port("layers.0.self_attn.q_proj", "in"),
        Port("layers.0.self_attn.o_proj", "in"),
    )
    assert inner.read == inner.write == Port("layers.0.mlp.down_proj", "in")


def test_what_is_outside_of_the_layers_comes_last_unless_layers_are_asked_for() -> None:
    found = sites(models.tiny("bloom"), ("norms", "embed"))
    layered = [f"{layer}_{position}" for layer in (0, 1) for position in ("attn_norm", "mlp_norm")]
    assert list(map(str, found)) == [*layered, "embed_norm", "final_norm", "embed"]
    assert [site.layer for site in found] == [0, 0, 1, 1, None, None, None]
    assert list(map(str, sites(models.tiny("bloom"), ("norms", "embed"), [0]))) == layered[:2]


def test_a_group_is_all_of_its_kind_that_the_family_has() -> None:
    assert [site.position for site in sites(models.tiny("gpt2"), ("linears", "q"), [0])] == [
        "q",
        "k",
        "v",
        "o",
        "up",
        "down",
    ]
    assert [site.position for site in sites(models.tiny("gptj"), ("norms",), [0])] == ["attn_norm"]
    assert [site.position for site in sites(models.tiny("qwen3"), ("norms",), [1])][2:] == ["q_norm", "k_norm"]


def test_the_layers_of_a_decoder_count_on_from_its_encoder() -> None:
    model = models.tiny("t5")
    assert [(layer.index, layer.path) for layer in layers(model)][1:3] == [
        (1, "encoder.block.1"),
        (2, "decoder.block.0"),
    ]
    assert [layer.stack.causal for layer in layers(model)] == [False, False, True, True]
    found = sites(model, ("q", "final_norm"))
    assert [str(site) for site in found] == ["0_q", "1_q", "2_q", "3_q", "encoder_final_norm", "decoder_final_norm"]


# hidden 32, 4 heads of 8; 2 key-value heads where they are grouped; inner width 48, or 4 x 32
@pytest.mark.parametrize("family", [*models.FAMILIES, *models.VARIANTS])
def test_widths_are_those_of_the_weights(family: str) -> None:
    inner = 128 if family in ("gptj", "bloom", "gpt2") else 48
    keys = 16 if models.base(family) in ("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma3_text") else 32
    heads, head_dim = (64, 16) if models.base(family) in ("qwen3", "gemma", "gemma3_text") else (32, 8)
    expected = {"q": (32, heads), "k": (32, keys), "v": (32, keys), "o": (heads, 32), "attn": (32, 32), "mlp": (32, 32)}
    expected |= {"gate": (32, inner), "up": (32, inner), "down": (inner, 32), KEYS_VALUES: (32, 32)}
    expected |= {"heads": (32, heads), "inner": (inner, inner), "q_norm": (head_dim,) * 2, "k_norm": (head_dim,) * 2}
    model = models.tiny(family)
    there = [position for position in stacks(model)[0].positions if position not in OUTSIDE]
    found = {site.position: (site.d_in, site.d_out) for site in sites(model, there, [0])}
    assert found == {position: expected.get(position, (32, 32)) for position in there}
    assert {site.head_dim for site in sites(model, there, [0])} == {head_dim}


def test_an_embedding_may_be_narrower_than_the_layers() -> None:
    (site,) = sites(models.tiny("opt-post"), ("embed",))
    assert (site.d_in, site.d_out) == (16, 16)


@pytest.mark.parametrize(("family", "heads"), [("llama", 2), ("gemma", 1), ("gptj", 4), ("bloom", 4), ("t5", 4)])
def test_keys_and_values_count_their_own_heads(family: str, heads: int) -> None:
    (site,) = sites(models.tiny(family), (KEYS_VALUES,), [1])
    assert (site.heads, site.head_dim) == (heads, 16 if family == "gemma" else 8)


def test_a_head_may_be_wider_than_its_share() -> None:
    config = LlamaConfig(
        vocab_size=20, hidden_size=32, intermediate_size=8, num_hidden_layers=1, num_attention_heads=4, head_dim=16
    )
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    assert [(s.d_in, s.d_out, s.head_dim) for s in sites(model, ("q", "o"))] == [(32, 64, 16), (64, 32, 16)]
    assert sites(model, (KEYS_VALUES,))[0].head_dim == 16


def test_a_fused_map_is_shared_out() -> None:
    q, k, v = sites(models.tiny("gpt2"), ("q", "k", "v"), [0])
    assert q.write.path == k.write.path == v.write.path == "h.0.attn.c_attn"
    assert [site.write.part.index for site in (q, k, v) if site.write.part] == [0, 1, 2]
    assert [site.d_out for site in (q, k, v)] == [32, 32, 32]


def test_fused_layouts() -> None:
    y = torch.arange(12)  # two heads of two
    rows = [part_of(y, Fused(i, "rows"), heads=2).tolist() for i in range(3)]
    assert rows == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    heads = [part_of(y, Fused(i, "heads"), heads=2).tolist() for i in range(3)]
    assert heads == [[[0, 1], [6, 7]], [[2, 3], [8, 9]], [[4, 5], [10, 11]]]
    assert part_of(y, None, heads=2) is y


@pytest.mark.parametrize("family", ["bert", "gpt2", "bloom", "gpt_neox"])
@pytest.mark.parametrize("position", ["q", "k", "v", "down"])
@torch.no_grad()
def test_views_of_weight_and_bias_compute_what_is_written_there(family: str, position: str) -> None:
    model = models.tiny(family)
    (site,) = sites(model, (position,), [0])
    host = model.base_model.get_submodule(site.write.path)
    bias = bias_at(host, site)
    assert bias is not None
    bias.normal_()
    x = torch.randn(5, site.d_in)
    expected = part_of(host(x), site.write.part, site.heads).reshape(5, site.d_out)
    found = x @ weight_at(host, site).reshape(site.d_in, site.d_out) + bias.reshape(site.d_out)
    torch.testing.assert_close(found, expected)


def test_a_map_without_a_bias_has_none() -> None:
    (site,) = sites(models.tiny("llama"), ("q",), [0])
    assert bias_at(nn.Linear(32, 32, bias=False), site) is None


def test_an_unknown_family_is_named_with_those_there_are() -> None:
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(MambaConfig(hidden_size=8, num_hidden_layers=1, vocab_size=8))
    with pytest.raises(AnatomyError, match=f"'mamba'; there are {', '.join(ANATOMIES)}.*one row") as caught:
        sites(model, ("q",))
    assert isinstance(caught.value, LookupError)


def test_half_of_an_encoder_decoder_is_refused() -> None:
    with torch.device("meta"):
        model = T5EncoderModel(T5Config(vocab_size=8, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2))
    with pytest.raises(AnatomyError, match="T5EncoderModel has no decoder: load 't5' as an encoder-decoder"):
        layers(model)


def test_a_position_that_is_not_there_is_named_with_those_that_are() -> None:
    model = models.tiny("gpt2")
    there = ", ".join(stacks(model)[0].positions)
    assert "q, k, v, o, up, down, attn, mlp" in there
    with pytest.raises(AnatomyError, match=f"gpt2 has no position 'gate'; it has {there}"):
        sites(model, ("q", "gate"))


@pytest.mark.parametrize(("wanted", "outside"), [([2], "2"), ([0, 7, 2], "7, 2"), ([-1, -3], "the last 3")])
def test_a_layer_that_is_not_there_is_named_with_those_that_are(wanted: list[int], outside: str) -> None:
    with pytest.raises(AnatomyError, match=f"bert has 2 layers here, 0-1, and not {outside}$"):
        sites(models.tiny("bert"), ("q",), wanted)
