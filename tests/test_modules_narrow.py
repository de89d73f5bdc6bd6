"""Structural pruning: which weights stay, that they go to their places, and how many they are."""

from __future__ import annotations

import models
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pelt_core.attachment import attach
from pelt_core.counting import count_named
from pelt_core.modules.narrow import Narrow, heads_left
from pelt_core.sites import sites

FAMILIES = (*models.ENCODERS, *models.DECODERS)


def narrow(model: torch.nn.Module, reduction: int) -> Narrow:
    (site,) = sites(model, ("final",))
    return Narrow(model.base_model, site.stack, reduction)


@pytest.mark.parametrize(
    ("heads", "groups", "reduction", "left"),
    [
        (32, 32, 8, (4, 4)),  # LLaMA-7B
        (32, 8, 8, (4, 1)),
        (32, 8, 16, (2, 1)),  # fewer than a group: one key-value head, and some of those around it
        (9, 3, 8, (1, 1)),  # SmolLM2-135M
        (9, 3, 2, (6, 2)),
        (12, 12, 8, (2, 2)),  # BERT-base: 1.5 heads are 2
        (4, 4, 100, (1, 1)),
        (8, 1, 4, (2, 1)),
        (6, 2, 1, (6, 2)),
    ],
)
def test_whole_groups_of_heads_are_left(heads: int, groups: int, reduction: int, left: tuple[int, int]) -> None:
    assert heads_left(heads, groups, reduction) == left


@pytest.mark.parametrize("family", FAMILIES)
def test_pruned_by_nothing_the_layers_are_the_backbone(family: str) -> None:
    """At reduction 1, `S` of side-tuning is the backbone itself, so `y' = y / 2 + S / 2` is `y`."""
    model, inputs = models.tiny(family), models.batch(family)
    models.stir(model)  # biases are zero at the start, and normalisations one
    before = model(**inputs).logits
    attach(model, "side(reduction=1)")
    torch.testing.assert_close(model(**inputs).logits, before, atol=1e-5, rtol=1e-5)


def enlarge(weight: Tensor, rows: list[int], columns: list[int], by: float) -> None:
    """Enlarges the rows and the columns of a `(d_out, d_in)` weight that are to stay."""
    weight[rows] *= by
    weight[:, columns] *= by


@pytest.mark.parametrize("family", ["llama", "bloom", "gpt2"])
def test_the_largest_weights_stay(family: str) -> None:
    """Channels, heads and neurons made large are those that stay, in the places of their own kind."""
    model = models.tiny(family)
    channels = list(range(1, 32, 2))
    heads = [1, 3] if family != "llama" else [2, 3]  # where one key-value head has two heads around it
    neurons = list(range(0, 48 if family == "llama" else 128, 2))
    rows = [8 * head + i for head in heads for i in range(8)]
    every = {"llama": ("q_proj", "o_proj"), "bloom": ("query_key_value", "dense"), "gpt2": ("c_attn", "c_proj")}[family]
    stack = sites(model, ("final",))[0].stack
    with torch.no_grad():
        for block in model.base_model.get_submodule(stack.layers):
            first, last = (block.get_submodule(stack.attention).get_submodule(name).weight for name in every)
            up, down = (block.get_submodule(stack.linears[position].path).weight for position in ("up", "down"))
            if family == "gpt2":
                first, last, up, down = first.T, last.T, up.T, down.T
            fused = {"llama": rows, "gpt2": rows}.get(family, [24 * head + i for head in heads for i in range(24)])
            enlarge(first, fused, channels, 50)
            enlarge(last, channels, rows, 50)
            enlarge(up, neurons, channels, 50)
            enlarge(down, channels, neurons, 50)
    pruned = narrow(model, 2)
    assert pruned.channels.tolist() == channels
    assert pruned.heads.tolist() == [heads, heads]
    block, layer = model.base_model.get_submodule(stack.layers)[1], pruned.layers[1]
    if family == "llama":
        assert torch.equal(layer.self_attn.q_proj.weight, block.self_attn.q_proj.weight[rows][:, channels])
        assert torch.equal(layer.self_attn.k_proj.weight, block.self_attn.k_proj.weight[8:][:, channels])
        assert torch.equal(layer.self_attn.o_proj.weight, block.self_attn.o_proj.weight[channels][:, rows])
        assert torch.equal(layer.mlp.gate_proj.weight, block.mlp.gate_proj.weight[neurons][:, channels])
        assert torch.equal(layer.input_layernorm.weight, block.input_layernorm.weight[channels])
    elif family == "bloom":
        old, new = block.self_attention.query_key_value, layer.self_attention.query_key_value
        assert torch.equal(new.weight, old.weight.view(4, 3, 8, 32)[heads].reshape(48, 32)[:, channels])
        assert torch.equal(new.bias, old.bias.view(4, 24)[heads].flatten())
    else:
        old, new = block.attn.c_attn, layer.attn.c_attn
        assert torch.equal(new.weight, old.weight.view(32, 3, 32)[channels][:, :, rows].reshape(16, 48))
        assert torch.equal(layer.mlp.c_proj.weight, block.mlp.c_proj.weight[neurons][:, channels])


class Int8Linear(nn.Module):
    """A linear map whose weight is kept in whole numbers."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.scale = linear.weight.detach().abs().max() / 127
        whole = (linear.weight.detach() / self.scale).round().to(torch.int8)
        self.weight, self.bias = nn.Parameter(whole, requires_grad=False), linear.bias

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.scale * self.weight, self.bias)


@pytest.mark.parametrize("family", ["qwen2", "gpt_neox"])
def test_a_quantised_backbone_is_pruned_by_what_its_maps_compute(family: str) -> None:
    quantised, plain = models.tiny(family), models.tiny(family)
    stack = sites(plain, ("final",))[0].stack
    with torch.no_grad():
        for i in (0, 1):
            for port in stack.linears.values():
                path = f"{stack.layers}.{i}.{port.path}"
                if not isinstance(quantised.base_model.get_submodule(path), Int8Linear):
                    own = Int8Linear(plain.base_model.get_submodule(path))
                    quantised.base_model.set_submodule(path, own)
                    plain.base_model.get_submodule(path).weight.copy_(own.scale * own.weight)
    expected = narrow(plain, 2).state_dict()
    torch.testing.assert_close(narrow(quantised, 2).state_dict(), expected, atol=1e-6, rtol=0)


def test_the_layers_share_nothing_with_the_backbone() -> None:
    model = models.tiny("llama")
    own = {p.data_ptr() for p in model.parameters()}
    assert not own & {p.data_ptr() for p in narrow(model, 1).parameters()}


def test_every_head_keeps_its_bias_of_positions() -> None:
    """BLOOM's slopes belong to heads: the row of head `h` in batch `b`, here `10 b + h`, goes to that head."""
    pruned, seen = narrow(models.tiny("bloom"), 2), {}
    pruned.heads[0] = torch.tensor([1, 3])
    pruned.layers[0].register_forward_pre_hook(lambda layer, args, kwargs: seen.update(kwargs), with_kwargs=True)
    alibi = torch.tensor([0.0, 1, 2, 3, 10, 11, 12, 13]).view(8, 1, 1).expand(-1, -1, 7)
    pruned(0, torch.zeros(2, 7, 16), {"alibi": alibi, "attention_mask": None})
    assert seen["alibi"][:, 0].tolist() == [[value] * 7 for value in (1, 3, 11, 13)]


def test_they_change_their_kind_of_attention_with_the_backbone() -> None:
    """Attached in eager mode, and run under sdpa, to which the model gives no mask where there is no padding."""
    inputs = {"input_ids": models.batch("llama")["input_ids"]}
    model = models.grown("llama", "ladder(reduction=2)", attention="eager")
    expected = model(**inputs).logits
    model.set_attn_implementation("sdpa")
    torch.testing.assert_close(model(**inputs).logits, expected, atol=1e-5, rtol=1e-5)


def test_the_parameters_are_those_of_the_paper() -> None:
    """BERT-base at a quarter: 3 heads of 64 are 192 channels; with all biases and norms."""
    d, narrowed, inner = 768, 192, 768
    layer = 4 * (narrowed**2 + narrowed) + 2 * narrowed * inner + inner + narrowed + 4 * narrowed
    ladder = 12 * (layer + d * narrowed + 1) + 2 * d * narrowed
    assert count_named("bert-base", "ladder(reduction=4)").own == ladder
    assert count_named("bert-base", "side(reduction=4)").own == 12 * layer + 2 * d * narrowed + 1
