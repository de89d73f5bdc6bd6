from __future__ import annotations

from types import SimpleNamespace

import models
import pytest
import torch
from torch import Tensor, nn
from transformers import DynamicCache

from pelt_core.anatomy import Fused, Port
from pelt_core.errors import PeltError
from pelt_core.grafts import Graft, KeyValueGraft, MaskError, PrefixedCache, _see_prefix, part_of
from pelt_core.sites import Site, sites


class Weighted(nn.Module):
    """`delta = a x + b y`."""

    def __init__(self, a: float, b: float) -> None:
        super().__init__()
        self.a, self.b = a, b

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.a * x + self.b * y


def site(read: str, write: str, width: int = 4) -> Site:
    return Site(0, "mlp", Port(read, "in"), Port(write), width, width, heads=2, head_dim=2, cache="past_key_values")


@pytest.fixture
def chain() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))


@pytest.mark.parametrize(("read", "write"), [("0", "0"), ("0", "2"), ("2", "2")])
def test_the_output_becomes_y_plus_delta_of_x_and_y(chain: nn.Sequential, read: str, write: str) -> None:
    inputs = torch.randn(2, 3, 4)
    steps = [inputs]
    for layer in chain:
        steps.append(layer(steps[-1]))
    x, y = steps[int(read)], steps[int(write) + 1]
    expected = y + 2 * x - 0.5 * y
    for layer in list(chain)[int(write) + 1 :]:
        expected = layer(expected)
    handles = Graft(site(read, write), Weighted(2, -0.5)).wire(chain)
    torch.testing.assert_close(chain(inputs), expected)
    for handle in handles:
        handle.remove()
    assert torch.equal(chain(inputs), steps[-1])


def test_a_graft_holds_no_activation_between_calls(chain: nn.Sequential) -> None:
    graft = Graft(site("0", "2"), Weighted(1, 1))
    graft.wire(chain)
    chain(torch.randn(1, 2, 4))
    assert graft._x is None


def test_fused_layouts() -> None:
    y = torch.arange(12)  # two heads of two
    rows = [part_of(y, Fused(i, "rows"), heads=2).tolist() for i in range(3)]
    assert rows == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    heads = [part_of(y, Fused(i, "heads"), heads=2).tolist() for i in range(3)]
    assert heads == [[[0, 1], [6, 7]], [[2, 3], [8, 9]], [[4, 5], [10, 11]]]
    assert part_of(y, None, heads=2) is y


@pytest.mark.parametrize(("family", "path"), [("gpt2", "h.0.attn"), ("bloom", "h.0.self_attention")])
@pytest.mark.parametrize("position", ["q", "k", "v"])
def test_a_fused_part_is_what_the_model_takes_for_it(family: str, path: str, position: str) -> None:
    """Moving the position's part of the fused output moves that one of the attention's query, keys and values."""
    model, inputs, seen = models.tiny(family), models.batch(family), []
    attention = model.base_model.get_submodule(path)

    def attend() -> list[Tensor]:
        fused = attention.get_submodule("c_attn" if family == "gpt2" else "query_key_value")
        handle = fused.register_forward_hook(lambda module, args, y: seen.append(y))
        model(**inputs)
        handle.remove()
        return seen.pop().split(32, -1) if family == "gpt2" else attention._reshape(seen.pop())

    before = attend()
    (found,) = sites(model, (position,), [0])
    Graft(found, Weighted(0, 1)).wire(model.base_model)
    for name, old, new in zip("qkv", before, attend(), strict=True):
        torch.testing.assert_close(new, 2 * old if name == position else old)


def test_the_cache_keeps_the_text_alone() -> None:
    kept, prefix = DynamicCache(), torch.randn(2, 1, 2, 3, 4)
    text = torch.randn(2, 1, 2, 5, 4)
    for tokens in (slice(0, 4), slice(4, 5)):
        key, value = PrefixedCache(kept, *prefix).update(text[0][:, :, tokens], text[1][:, :, tokens], 0)
    assert kept.get_seq_length() == 5
    assert torch.equal(kept.layers[0].keys, text[0]) and torch.equal(kept.layers[0].values, text[1])
    assert torch.equal(key, torch.cat([prefix[0], text[0]], 2)) and torch.equal(
        value, torch.cat([prefix[1], text[1]], 2)
    )


def test_a_prefix_takes_the_type_of_the_text() -> None:
    text = torch.zeros(1, 2, 5, 4, dtype=torch.bfloat16)
    key, value = PrefixedCache(None, *torch.ones(2, 1, 2, 3, 4)).update(text, text)
    assert key.shape == value.shape == (1, 2, 8, 4) and key.dtype is value.dtype is torch.bfloat16


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


def test_keys_and_values_are_grafted_by_one_hook() -> None:
    model = models.tiny("llama")
    (found,) = sites(model, ("kv",), [0])
    handles = KeyValueGraft(found, nn.Identity()).wire(model.base_model)
    assert len(handles) == 1
    assert len(model.model.layers[0].self_attn._forward_pre_hooks) == 1
