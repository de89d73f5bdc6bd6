"""A position of a family, found on one model: the site where a module reads and writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import nn
from transformers import PreTrainedModel

from pelt_core.anatomy import ANATOMIES, KEYS_VALUES, LINEARS, SUBLAYERS, Anatomy, Port
from pelt_core.errors import PeltError


class AnatomyError(PeltError, LookupError):
    """A model family, position or layer that is not there."""


@dataclass(frozen=True)
class Site:
    """(layer, position) on one model.

    A module at this site reads `x` of `(batch, tokens, d_in)` at the port `read` and changes `y` of
    `(batch, tokens, d_out)` at the port `write`. `heads` counts the heads of what is written: the key-value
    heads for the position `kv` (grouped-query attention has fewer of them), else the query heads.
    """

    layer: int
    position: str
    read: Port
    write: Port
    d_in: int
    d_out: int
    heads: int
    head_dim: int
    cache: str


def sites(model: PreTrainedModel, positions: Sequence[str], layers: Iterable[int] | None = None) -> list[Site]:
    """Every (layer, position) of `model`, layer by layer.

    Args:
        model: a transformers model of a family in `pelt_core.anatomy.ANATOMIES`.
        positions: names from `pelt_core.anatomy.POSITIONS`.
        layers: layer numbers, counted from 0; `None` for all.

    Raises:
        AnatomyError: for a family, a position or a layer that the model does not have; names those that it has.

    """
    config = model.config
    if config.model_type not in ANATOMIES:
        raise AnatomyError(
            f"no anatomy for the model family {config.model_type!r}; there are {', '.join(ANATOMIES)}. "
            "A new family is one row in pelt_core/anatomy.py."
        )
    anatomy, depth = ANATOMIES[config.model_type], config.num_hidden_layers
    wanted = list(range(depth) if layers is None else layers)
    if outside := [i for i in wanted if not 0 <= i < depth]:
        raise AnatomyError(f"{config.model_type} has layers 0-{depth - 1} here, not {', '.join(map(str, outside))}")
    return [_site(model, anatomy, layer, position) for layer in wanted for position in positions]


def _site(model: PreTrainedModel, anatomy: Anatomy, layer: int, position: str) -> Site:
    config, prefix = model.config, f"{anatomy.layers}.{layer}."
    heads: int = config.num_attention_heads
    head_dim: int = getattr(config, "head_dim", None) or config.hidden_size // heads
    if position == KEYS_VALUES:
        heads = getattr(config, "num_key_value_heads", None) or heads
        port = Port(prefix + anatomy.attention)
        width = config.hidden_size
        return Site(layer, position, port, port, width, width, heads, head_dim, anatomy.cache)
    first, last = SUBLAYERS.get(position, (position, position))
    if first not in anatomy.linears or last not in anatomy.linears:
        there = [p for p in LINEARS if p in anatomy.linears] + [*SUBLAYERS, KEYS_VALUES]
        raise AnatomyError(f"{config.model_type} has no position {position!r}; it has {', '.join(there)}")
    read = Port(prefix + anatomy.linears[first].path, "in")
    write = replace(anatomy.linears[last], path=prefix + anatomy.linears[last].path)
    d_in, d_out = (_width(model.base_model.get_submodule(port.path), port) for port in (read, write))
    return Site(layer, position, read, write, d_in, d_out, heads, head_dim, anatomy.cache)


def _width(linear: Any, port: Port) -> int:
    d_in, d_out = (linear.nx, linear.nf) if is_transposed(linear) else (linear.in_features, linear.out_features)
    return (d_in if port.side == "in" else d_out) // (3 if port.part else 1)


def is_transposed(linear: nn.Module) -> bool:
    """Whether the weight is kept as `(d_in, d_out)`, as GPT-2's `Conv1D` does."""
    return hasattr(linear, "nf")
