"""A backbone's layers at a fraction of their width, by structural pruning."""

from __future__ import annotations

import copy
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig

from pelt_core.anatomy import Port, Stack
from pelt_core.sites import is_transposed, part_of

# Configurations do not agree on the name of the MLP's width; where it is unset, it is four times the hidden size.
_MLP_WIDTHS = ("intermediate_size", "ffn_dim", "n_inner")
_WRITERS = ("o", "down")  # the linear maps that write to the hidden states; the others read them


class Narrow(nn.Module):
    """The layers of a stack at width `d' = d h' / h`: `h'` of its `h` heads, as wide as they were.

    `h'` is `h / reduction`, rounded to whole groups of query heads around a key-value head, and at least one head. The
    layers are of the backbone's own class, so that its masks, positions and caches serve them too. They start by
    structural pruning (Li et al. 2017, as Sung et al. 2022), as those weights of the backbone whose absolute
    values have the largest sums: of `d'` channels, the same ones in all layers, and in every layer of `h'` heads and of
    the share `h' / h` of the neurons.

    Attributes:
        layers: the narrow layers.
        norm: the normalisation behind the last one, the identity if the stack has none.
        channels: which of the `d` channels stay, `(d',)`.
        heads: which query heads stay in each layer, `(layers, h')`.

    """

    channels: Tensor
    heads: Tensor

    @torch.no_grad()
    def __init__(self, base: nn.Module, stack: Stack, reduction: int) -> None:
        super().__init__()
        config: Any = base.config
        self.stack, self.all_heads = stack, config.num_attention_heads
        groups = getattr(config, "num_key_value_heads", None) or self.all_heads
        few, few_groups = heads_left(self.all_heads, groups, reduction)
        blocks = list(base.get_submodule(stack.layers).children())
        score = torch.stack([_importance_of_channels(self._sizes(block)) for block in blocks]).sum(0)
        channels = _largest(score, len(score) * few // self.all_heads)
        small: nn.Module = cast(Any, type(base))(_narrowed(config, len(channels), few, few_groups))
        self.layers = cast(nn.ModuleList, small.get_submodule(stack.layers))
        heads = [
            self._prune(block, layer, channels, few, groups, few_groups)
            for block, layer in zip(blocks, self.layers, strict=True)
        ]
        self.norm: nn.Module = nn.Identity()
        if path := stack.outside.get("final_norm"):
            self.norm = small.get_submodule(path)
            _prune_norm(base.get_submodule(path), self.norm, channels)
        self.register_buffer("channels", channels)
        self.register_buffer("heads", torch.stack(heads))
        for module in self.modules():
            if hasattr(module, "config"):
                module.config = config  # so that changing the backbone's kind of attention changes theirs

    def forward(self, i: int, h: Tensor, call: dict[str, Any]) -> Tensor:
        """Layer `i` on `h` of `(batch, tokens, d')`, given what else the backbone gives its own layer."""
        bias = self.stack.bias
        if bias and call[bias] is not None:
            call = call | {bias: call[bias].unflatten(0, (-1, self.all_heads))[:, self.heads[i]].flatten(0, 1)}
        output = self.layers[i](h, **call)
        return output if isinstance(output, Tensor) else cast(Tensor, output[0])

    def _sizes(self, block: nn.Module) -> dict[str, Tensor]:
        """Position -> the absolute weights there, `(d_in, d_out)`."""
        return {
            position: _weight(block, port, self.all_heads).flatten(1).float().abs()
            for position, port in self.stack.linears.items()
        }

    def _prune(
        self, block: nn.Module, layer: nn.Module, channels: Tensor, few: int, groups: int, few_groups: int
    ) -> Tensor:
        """Starts `layer` as the part of `block` that stays; returns its query heads."""
        sizes = self._sizes(block)
        heads, keys = _largest_heads(sizes, self.all_heads, groups, few, few_groups)
        neurons = sizes["down"].sum(1) + sum(sizes[p].sum(0) for p in ("up", "gate") if p in sizes)
        inner = dict.fromkeys(("up", "gate", "down"), _largest(neurons, len(neurons) * few // self.all_heads))
        inner |= dict.fromkeys("qo", _spread(heads, len(sizes["o"]) // self.all_heads))
        inner |= dict.fromkeys("kv", _spread(keys, sizes["k"].shape[1] // groups))
        for position, port in self.stack.linears.items():
            rows, columns = channels, inner[position]
            if position in _WRITERS:
                rows, columns = columns, rows
            weight = _weight(layer, port, few)
            weight.copy_(_weight(block, port, self.all_heads).flatten(1)[rows][:, columns].view(weight.shape))
            if getattr(block.get_submodule(port.path), "bias", None) is not None:
                bias = _bias(layer, port, few)
                bias.copy_(_bias(block, port, self.all_heads).flatten()[columns].view(bias.shape))
        for path in self.stack.norms.values():
            _prune_norm(block.get_submodule(path), layer.get_submodule(path), channels)
        return heads


def heads_left(heads: int, groups: int, reduction: int) -> tuple[int, int]:
    """How many query heads and key-value heads are left of `heads` and `groups` at a fraction `1 / reduction`."""
    few_groups = max(1, round(groups / reduction))
    each = heads // groups if groups >= reduction else max(1, round(heads / reduction))
    return few_groups * each, few_groups


def _narrowed(config: PreTrainedConfig, width: int, heads: int, groups: int) -> PreTrainedConfig:
    narrow = copy.deepcopy(config)
    for name in _MLP_WIDTHS:
        if getattr(config, name, None):
            setattr(narrow, name, getattr(config, name) * heads // config.num_attention_heads)
    if hasattr(config, "num_key_value_heads"):
        narrow.num_key_value_heads = groups
    narrow.hidden_size, narrow.num_attention_heads = width, heads
    return narrow


def _weight(block: nn.Module, port: Port, heads: int) -> Tensor:
    """The view of the weight at `port`, `(d_in, d_out)` or, fused by heads, `(d_in, heads, head_dim)`."""
    return part_of(_matrix(block.get_submodule(port.path)), port.part, heads)


def _matrix(host: Any) -> Tensor:
    """The weight of a linear map, `(d_in, d_out)`; of a quantised one, what the map makes of the identity."""
    weight: Tensor = host.weight
    if type(weight) is nn.Parameter and weight.is_floating_point():
        return weight if is_transposed(host) else weight.T
    dtype = weight.dtype if weight.is_floating_point() else None
    rows: Tensor = host.forward(torch.eye(host.in_features, dtype=dtype, device=weight.device))
    return rows if host.bias is None else rows - host.bias


def _bias(block: nn.Module, port: Port, heads: int) -> Tensor:
    return part_of(block.get_submodule(port.path).get_parameter("bias"), port.part, heads)


def _prune_norm(host: nn.Module, norm: nn.Module, channels: Tensor) -> None:
    for old, new in zip(host.parameters(), norm.parameters(), strict=True):
        new.copy_(old if old.shape == new.shape else old[channels])  # that of one head is as wide as it was


def _importance_of_channels(sizes: dict[str, Tensor]) -> Tensor:
    each = [size.sum(0 if position in _WRITERS else 1) for position, size in sizes.items()]
    return torch.stack(each).sum(0)


def _largest_heads(
    sizes: dict[str, Tensor], heads: int, groups: int, few: int, few_groups: int
) -> tuple[Tensor, Tensor]:
    """The key-value heads with the largest weights, and those of the query heads around each; queries first."""
    query = (sizes["q"].sum(0) + sizes["o"].sum(1)).view(groups, heads // groups, -1).sum(2)
    key_value = (sizes["k"] + sizes["v"]).sum(0).view(groups, -1).sum(1)
    keys = _largest(query.sum(1) + key_value, few_groups)
    within = _largest(query[keys], few // few_groups)
    return (keys.unsqueeze(1) * (heads // groups) + within).flatten(), keys


def _largest(score: Tensor, n: int) -> Tensor:
    """The indices of the `n` largest along the last axis, in rising order."""
    return score.topk(n).indices.sort().values


def _spread(heads: Tensor, head_dim: int) -> Tensor:
    """The indices of all dimensions of `heads`."""
    return (heads.unsqueeze(1) * head_dim + torch.arange(head_dim, device=heads.device)).flatten()
