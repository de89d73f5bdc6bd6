from __future__ import annotations

import inspect

import models
import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from pelt_core.anatomy import GROUPS, INNER, LINEARS, NORMS, OUTSIDE, POSITIONS, SUBLAYERS, Stack
from pelt_core.sites import stacks

ANATOMIES = [
    (family, index)
    for family in (*models.FAMILIES, *models.VARIANTS)
    for index in range(len(stacks(models.tiny(family))))
]
each_stack = pytest.mark.parametrize(("family", "index"), ANATOMIES)
ACROSS = ("layer.1.EncDecAttention", "layer.1.layer_norm")  # a decoder's attention to its encoder has no position


def first_layer(family: str, index: int) -> tuple[Stack, nn.Module]:
    model = models.tiny(family)
    stack = stacks(model)[index]
    return stack, model.base_model.get_submodule(f"{stack.layers}.0")


def modules(layer: nn.Module, wanted: tuple[type[nn.Module], ...]) -> set[str]:
    across = ACROSS if hasattr(layer, "layer") and len(layer.layer) == 3 else ()
    return {
        name for name, module in layer.named_modules() if isinstance(module, wanted) and not name.startswith(across)
    }


@each_stack
def test_every_linear_map_of_a_layer_has_a_position_and_no_other_does(family: str, index: int) -> None:
    stack, layer = first_layer(family, index)
    assert {port.path for port in stack.linears.values()} == modules(layer, (nn.Linear, Conv1D))


@each_stack
def test_every_normalisation_of_a_layer_has_a_position_and_no_other_does(family: str, index: int) -> None:
    stack, layer = first_layer(family, index)
    kinds = tuple({type(module) for module in layer.modules() if "norm" in type(module).__name__.lower()})
    assert set(stack.norms.values()) == modules(layer, kinds)


@each_stack
def test_positions_are_the_shared_names_in_their_order(family: str, index: int) -> None:
    stack, _ = first_layer(family, index)
    for named, shared in ((stack.linears, LINEARS), (stack.norms, NORMS), (stack.outside, OUTSIDE)):
        assert list(named) == [position for position in shared if position in named]
    assert {end for ends in (*SUBLAYERS.values(), *INNER.values()) for end in ends} <= set(stack.linears)
    assert list(stack.positions) == [position for position in POSITIONS if position in stack.positions]


def test_groups_hold_positions() -> None:
    assert {position for group in GROUPS.values() for position in group} <= set(POSITIONS)
    assert not set(GROUPS) & set(POSITIONS)


@each_stack
def test_attention_takes_what_the_keywords_name(family: str, index: int) -> None:
    stack, layer = first_layer(family, index)
    attention = layer.get_submodule(stack.attention)
    taken = inspect.signature(attention.forward).parameters
    assert {stack.cache, stack.mask} | ({stack.bias} if stack.bias else set()) <= set(taken)
    assert getattr(attention, "is_causal", stack.causal) is stack.causal


@each_stack
def test_modules_run_in_the_order_that_the_row_says(family: str, index: int) -> None:
    """So the first and the last linear map of a sublayer enclose the others, and a norm is before or after it."""
    model, ran = models.tiny(family), []
    stack = stacks(model)[index]
    layer = model.base_model.get_submodule(f"{stack.layers}.0")
    paths = {position: port.path for position, port in stack.linears.items()} | stack.norms
    for path in set(paths.values()):
        layer.get_submodule(path).register_forward_hook(lambda *_, path=path: ran.append(path))
    with torch.no_grad():
        model(**models.batch(family))
    assert len(ran) == len(set(ran)) == len(set(paths.values()))
    order = {position: ran.index(path) for position, path in paths.items()}
    assert order["q"] <= order["k"] <= order["v"] < order["o"] < order["up"] < order["down"]
    assert (order["o"] < order["attn_norm"] < order["up"]) if stack.post_norm else (order["attn_norm"] < order["q"])
    if "mlp_norm" in order:  # GPT-J's one normalisation serves both sublayers
        assert (
            (order["down"] < order["mlp_norm"]) if stack.post_norm else (order["o"] < order["mlp_norm"] < order["up"])
        )


@each_stack
def test_what_is_outside_of_the_layers_runs_before_or_after_them(family: str, index: int) -> None:
    model, ran = models.tiny(family), []
    stack = stacks(model)[index]
    paths = stack.outside | {"first": f"{stack.layers}.0", "end": stack.end}
    for position, path in paths.items():
        model.base_model.get_submodule(path).register_forward_hook(lambda *_, position=position: ran.append(position))
    with torch.no_grad():
        model(**models.batch(family))
    assert sorted(ran) == sorted(paths)
    first = ran.index("first")
    assert set(ran[:first]) == set(paths) & {"embed", "embed_norm"}
    assert set(ran[first + 1 :]) == set(paths) & {"final_norm", "pooler", "end"}


@each_stack
@torch.no_grad()
def test_only_a_normalisation_by_the_root_mean_square_keeps_the_mean(family: str, index: int) -> None:
    stack, layer = first_layer(family, index)
    for path in stack.norms.values():
        norm = layer.get_submodule(path)
        h = torch.randn(3, norm.weight.shape[0])
        assert torch.allclose(norm(h), norm(h + 1), atol=1e-4) != stack.rms
