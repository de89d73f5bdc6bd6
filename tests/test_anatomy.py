from __future__ import annotations

import inspect

import models
import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from pelt_core.anatomy import ANATOMIES, LINEARS, POSITIONS, SUBLAYERS, Anatomy

pytestmark = pytest.mark.parametrize("family", models.FAMILIES)


def first_layer(family: str) -> tuple[Anatomy, nn.Module]:
    anatomy = ANATOMIES[family]
    return anatomy, models.tiny(family).base_model.get_submodule(f"{anatomy.layers}.0")


def test_every_linear_map_of_a_layer_has_a_position_and_no_other_does(family: str) -> None:
    anatomy, layer = first_layer(family)
    linear = {name for name, module in layer.named_modules() if isinstance(module, nn.Linear | Conv1D)}
    assert {port.path for port in anatomy.linears.values()} == linear


def test_positions_are_the_shared_names_in_their_order(family: str) -> None:
    named = tuple(ANATOMIES[family].linears)
    assert named == tuple(position for position in LINEARS if position in named)
    assert {position for ends in SUBLAYERS.values() for position in ends} <= set(named) <= set(POSITIONS)


def test_the_cache_reaches_attention_by_the_named_keyword(family: str) -> None:
    anatomy, layer = first_layer(family)
    taken = inspect.signature(layer.get_submodule(anatomy.attention).forward).parameters
    assert anatomy.cache in taken and "attention_mask" in taken


def test_ports_run_in_the_order_of_the_computation(family: str) -> None:
    """So the first and the last linear map of a sublayer enclose the others."""
    model, anatomy, ran = models.tiny(family), ANATOMIES[family], []
    layer = model.base_model.get_submodule(f"{anatomy.layers}.0")
    for path in {port.path for port in anatomy.linears.values()}:
        layer.get_submodule(path).register_forward_hook(lambda *_, path=path: ran.append(path))
    with torch.no_grad():
        model(**models.batch(family))
    order = {position: ran.index(port.path) for position, port in anatomy.linears.items()}
    assert order["q"] <= order["k"] <= order["v"] < order["o"] < order["up"] < order["down"] == len(ran) - 1
    assert len(ran) == len(set(ran))
