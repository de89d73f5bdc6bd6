"""A position of a family, found on one model: the site where a module reads and writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedModel

from pelt_core.anatomy import (
    ANATOMIES,
    EMBEDDING,
    FINAL,
    GROUPS,
    INNER,
    KEYS_VALUES,
    OUTSIDE,
    SUBLAYERS,
    VARIANTS,
    Fused,
    Port,
    Stack,
)
from pelt_core.errors import PeltError
from pelt_core.offloading import is_offloaded


class AnatomyError(PeltError, LookupError):
    """A model family, position or layer that is not there."""


class WeightError(PeltError, TypeError):
    """A weight that is not kept as plain numbers."""


@dataclass(frozen=True)
class Site:
    """(layer, position) on one model.

    A module at this site reads `x` of `(batch, tokens, d_in)` at the port `read` and changes `y` of
    `(batch, tokens, d_out)` at the port `write`. `layer` is `None` outside of the layers. `heads` counts the heads of
    what is written: the key-value heads for the position `kv` (grouped-query attention has fewer of them), else the
    query heads.
    """

    layer: int | None
    position: str
    read: Port
    write: Port
    d_in: int
    d_out: int
    heads: int
    head_dim: int
    stack: Stack

    def __str__(self) -> str:
        where = self.stack.name if self.layer is None else str(self.layer)
        return f"{where}_{self.position}" if where else self.position


@dataclass(frozen=True)
class Layer:
    """One transformer layer of a model: its path from `model.base_model`, and the row that describes it."""

    index: int
    path: str
    stack: Stack


def stacks(model: PreTrainedModel) -> tuple[Stack, ...]:
    """The rows of `pelt_core.anatomy` that describe `model`.

    Raises:
        AnatomyError: for a family without a row, or half of an encoder-decoder.

    """
    config, family = model.config, model.config.model_type
    if family not in ANATOMIES:
        raise AnatomyError(
            f"no anatomy for the model family {family!r}; there are {', '.join(ANATOMIES)}. "
            "A new family is one row in pelt_core/anatomy.py."
        )
    attribute, value, variant = VARIANTS.get(family, ("", None, ()))
    found = variant if attribute and getattr(config, attribute) == value else ANATOMIES[family]
    for stack in found:
        if stack.name and not hasattr(model.base_model, stack.name):
            raise AnatomyError(f"{type(model).__name__} has no {stack.name}: load {family!r} as an encoder-decoder")
    if "pooler" in found[0].outside and model.base_model.pooler is None:
        outside = {position: path for position, path in found[0].outside.items() if position != "pooler"}
        return (replace(found[0], outside=outside),)
    return found


def layers(model: PreTrainedModel, wanted: Iterable[int] | None = None) -> list[Layer]:
    """The layers of `model`; a model of two stacks counts on from its encoder to its decoder.

    Args:
        model: a transformers model of a family in `pelt_core.anatomy.ANATOMIES`.
        wanted: layer numbers, counted from 0, or from the end if negative; `None` for all.

    Raises:
        AnatomyError: for a family or a layer that the model does not have; names those that it has.

    """
    found: list[Layer] = []
    for stack in stacks(model):
        for i, _ in enumerate(model.base_model.get_submodule(stack.layers).children()):
            found.append(Layer(len(found), f"{stack.layers}.{i}", stack))
    if wanted is None:
        return found
    wanted = list(wanted)
    if outside := [i for i in wanted if not -len(found) <= i < len(found)]:
        family = model.config.model_type
        asked = f"the last {-min(outside)}" if min(outside) < 0 else ", ".join(map(str, outside))
        raise AnatomyError(f"{family} has {len(found)} layers here, 0-{len(found) - 1}, and not {asked}")
    return [found[i] for i in wanted]


def sites(model: PreTrainedModel, positions: Sequence[str], wanted: Iterable[int] | None = None) -> list[Site]:
    """Every (layer, position) of `model`, layer by layer, and then what is outside of the layers.

    Args:
        model: a transformers model of a family in `pelt_core.anatomy.ANATOMIES`.
        positions: names from `pelt_core.anatomy.POSITIONS`, and of groups of them.
        wanted: layer numbers as in `layers`; `None` for all, and for what is outside of them.

    Raises:
        AnatomyError: for a family, a position or a layer that the model does not have; names those that it has.

    """
    if wanted is not None and set(positions) <= set(OUTSIDE):
        raise AnatomyError(f"{', '.join(positions)} is outside of the layers: leave the choice of layers out")
    found, outside_of_any = [], {position for stack in stacks(model) for position in stack.outside}
    for layer in layers(model, wanted):
        for position in _expanded(positions, layer.stack):
            if position not in layer.stack.positions and position not in outside_of_any:
                there = ", ".join(layer.stack.positions)
                raise AnatomyError(f"{model.config.model_type} has no position {position!r}; it has {there}")
            if position not in OUTSIDE:
                found.append(_inside(model, layer, position))
    if wanted is None:
        for stack in stacks(model):
            outside = [p for p in _expanded(positions, stack) if p in OUTSIDE and p in stack.positions]
            found += [_outside(model, stack, position) for position in outside]
    return found


def _expanded(positions: Sequence[str], stack: Stack) -> list[str]:
    """The positions, with every group replaced by those of its members that the stack has."""
    names: list[str] = []
    for position in positions:
        names += [p for p in GROUPS[position] if p in stack.positions] if position in GROUPS else [position]
    return list(dict.fromkeys(names))


def _inside(model: PreTrainedModel, layer: Layer, position: str) -> Site:
    config, stack, prefix = model.config, layer.stack, f"{layer.path}."
    heads: int = config.num_attention_heads
    width: int = config.hidden_size
    head_dim: int = getattr(config, "head_dim", None) or width // heads

    def site(read: Port, write: Port, heads: int = heads) -> Site:
        read, write = (replace(port, path=prefix + port.path) for port in (read, write))
        d_in, d_out = (_width(model.base_model.get_submodule(port.path), port) for port in (read, write))
        return Site(layer.index, position, read, write, d_in, d_out, heads, head_dim, stack)

    if position == KEYS_VALUES:
        port = Port(prefix + stack.attention)
        kv_heads = getattr(config, "num_key_value_heads", None) or heads
        return Site(layer.index, position, port, port, width, width, kv_heads, head_dim, stack)
    if position in stack.norms:
        return site(Port(stack.norms[position], "in"), Port(stack.norms[position]))
    if position in INNER:
        first, last = INNER[position]
        return site(Port(stack.linears[first].path, "in"), Port(stack.linears[last].path, "in"))
    first, last = SUBLAYERS.get(position, (position, position))
    return site(Port(stack.linears[first].path, "in"), stack.linears[last])


def _outside(model: PreTrainedModel, stack: Stack, position: str) -> Site:
    config, base = model.config, model.base_model
    heads: int = config.num_attention_heads
    if position == FINAL:
        end = base.get_submodule(stack.end)
        # A stack without a normalisation at its end ends as wide as the embedding, whose transpose may come next.
        width = _width(end if hasattr(end, "weight") else base.get_submodule(stack.outside[EMBEDDING]), Port(stack.end))
        first, last, d_in = Port(f"{stack.layers}.0", "in"), Port(stack.end), config.hidden_size
        return Site(None, position, first, last, d_in, width, heads, config.hidden_size // heads, stack)
    path = stack.outside[position]
    width = _width(base.get_submodule(path), Port(path))
    return Site(None, position, Port(path, "in"), Port(path), width, width, heads, width // heads, stack)


def _width(host: Any, port: Port) -> int:
    """The size of the last axis at one end of a linear map, a normalisation or an embedding."""
    if is_transposed(host):
        d_in, d_out = host.nx, host.nf
    elif isinstance(host, nn.Linear) or hasattr(host, "in_features"):
        d_in, d_out = host.in_features, host.out_features
    else:
        d_in = d_out = host.weight.shape[-1]
    return (d_in if port.side == "in" else d_out) // (3 if port.part else 1)


def is_transposed(linear: nn.Module) -> bool:
    """Whether the weight is kept as `(d_in, d_out)`, as GPT-2's `Conv1D` does."""
    return hasattr(linear, "nf")


def part_of(y: Tensor, part: Fused | None, heads: int) -> Tensor:
    """The view of a fused output `(..., 3 * hidden)` that holds one of q, k, v."""
    if part is None:
        return y
    if part.layout == "rows":
        size = y.shape[-1] // 3
        return y.narrow(-1, part.index * size, size)
    return y.unflatten(-1, (heads, 3, -1))[..., part.index, :]


def weight_at(host: nn.Module, site: Site) -> Tensor:
    """The view of the weight of `host` that `site` writes with, `(d_in, d_out)` or `(d_in, heads, head_dim)`.

    Of a normalisation, its gain, `(d,)` (Gemma's less one).

    Raises:
        WeightError: for a weight that is quantised or offloaded.

    """
    if is_offloaded(host):
        raise WeightError(
            f"{site.write.path} is offloaded: merging, and methods that compute with the weight, need it on a device, "
            "by another device_map or without offloading; others, such as lora, do not"
        )
    weight = getattr(host, "weight", None)
    if type(weight) is not nn.Parameter or not weight.is_floating_point():
        kept = "no weight of its own" if weight is None else f"its weight as a {type(weight).__name__}"
        raise WeightError(
            f"{site.write.path} is a {type(host).__name__} that keeps {kept}, not as plain numbers: merging, and "
            "methods that compute with the weight, need the backbone unquantised; others, such as lora, do not"
        )
    return view_at(weight, host, site)


def view_at(weight: Tensor, host: nn.Module, site: Site) -> Tensor:
    """The same view of a tensor that is laid out as the weight of `host` is."""
    if weight.dim() == 1:
        return weight
    return part_of(weight if is_transposed(host) else weight.T, site.write.part, site.heads)


def bias_at(host: nn.Module, site: Site) -> Tensor | None:
    """The view of the bias of `host` that `site` writes with, `(d_out,)` or `(heads, head_dim)`; `None` without one."""
    bias = getattr(host, "bias", None)
    return None if bias is None else part_of(bias, site.write.part, site.heads)
