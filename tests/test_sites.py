from __future__ import annotations

import models
import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, MambaConfig

from pelt_core.anatomy import ANATOMIES, LINEARS, POSITIONS, Port
from pelt_core.sites import AnatomyError, sites


def test_sites_come_layer_by_layer() -> None:
    found = sites(models.tiny("llama"), ("q", "mlp"))
    assert [(site.layer, site.position) for site in found] == [(0, "q"), (0, "mlp"), (1, "q"), (1, "mlp")]
    assert found[3].read == Port("layers.1.mlp.up_proj", "in")
    assert found[3].write == Port("layers.1.mlp.down_proj", "out")
    assert [site.layer for site in sites(models.tiny("llama"), ("q",), [1])] == [1]


# hidden 32, 4 heads of 8; 2 key-value heads where they are grouped; inner width 48, or 4 x 32
@pytest.mark.parametrize("family", models.FAMILIES)
def test_widths_are_those_of_the_weights(family: str) -> None:
    inner = 128 if family in ("gptj", "bloom", "gpt2") else 48
    keys = 16 if family in ("llama", "mistral", "qwen2") else 32
    expected = {"q": (32, 32), "k": (32, keys), "v": (32, keys), "o": (32, 32), "attn": (32, 32), "mlp": (32, 32)}
    expected |= {"gate": (32, inner), "up": (32, inner), "down": (inner, 32), "kv": (32, 32)}
    there = [p for p in POSITIONS if p != "gate" or "gate" in ANATOMIES[family].linears]
    found = {site.position: (site.d_in, site.d_out) for site in sites(models.tiny(family), there, [0])}
    assert found == {position: expected[position] for position in there}


@pytest.mark.parametrize(("family", "heads"), [("llama", 2), ("qwen2", 2), ("gptj", 4), ("bloom", 4), ("bert", 4)])
def test_keys_and_values_count_their_own_heads(family: str, heads: int) -> None:
    (site,) = sites(models.tiny(family), ("kv",), [1])
    assert (site.heads, site.head_dim) == (heads, 8)


def test_a_head_may_be_wider_than_its_share() -> None:
    config = LlamaConfig(
        vocab_size=20, hidden_size=32, intermediate_size=8, num_hidden_layers=1, num_attention_heads=4, head_dim=16
    )
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    assert [(s.d_in, s.d_out, s.head_dim) for s in sites(model, ("q", "o", "kv"))][:2] == [(32, 64, 16), (64, 32, 16)]
    assert sites(model, ("kv",))[0].head_dim == 16


def test_a_fused_map_is_shared_out() -> None:
    q, k, v = sites(models.tiny("gpt2"), ("q", "k", "v"), [0])
    assert q.write.path == k.write.path == v.write.path == "h.0.attn.c_attn"
    assert [site.write.part.index for site in (q, k, v) if site.write.part] == [0, 1, 2]
    assert [site.d_out for site in (q, k, v)] == [32, 32, 32]


def test_an_unknown_family_is_named_with_those_there_are() -> None:
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(MambaConfig(hidden_size=8, num_hidden_layers=1, vocab_size=8))
    with pytest.raises(AnatomyError, match=f"'mamba'; there are {', '.join(ANATOMIES)}.*one row") as caught:
        sites(model, ("q",))
    assert isinstance(caught.value, LookupError)


def test_a_position_that_is_not_there_is_named_with_those_that_are() -> None:
    there = ", ".join([p for p in LINEARS if p != "gate"] + ["attn", "mlp", "kv"])
    with pytest.raises(AnatomyError, match=f"gpt2 has no position 'gate'; it has {there}"):
        sites(models.tiny("gpt2"), ("q", "gate"))


@pytest.mark.parametrize("layers", [[2], [0, 7, 2], [-1]])
def test_a_layer_that_is_not_there_is_named_with_those_that_are(layers: list[int]) -> None:
    outside = ", ".join(str(i) for i in layers if i)
    with pytest.raises(AnatomyError, match=f"bert has layers 0-1 here, not {outside}$"):
        sites(models.tiny("bert"), ("q",), layers)
