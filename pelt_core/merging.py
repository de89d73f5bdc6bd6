"""Fold a method into the weights of the backbone, and take it out again."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from pelt_core.anatomy import Port
from pelt_core.attachment import Attachment, carried_by, detach, put_on
from pelt_core.errors import PeltError
from pelt_core.grafts import Graft
from pelt_core.methods import METHODS
from pelt_core.modules.gates import ScalarGate
from pelt_core.modules.weights import DoRA
from pelt_core.sites import part_of, view_at, weight_at


class MergeError(PeltError, ValueError):
    """A method that cannot be folded into the weights, or weights that it cannot be taken out of again."""


class RoundingWarning(UserWarning):
    """Merged weights that are rounded to fewer bits than the change needs."""


@dataclass(frozen=True)
class Merged:
    """A method inside the weights.

    Attributes:
        name: what the model carried it by.
        attachment: its modules, off the model.
        replaced: name -> the tensor of the model before, of all that merging changed.

    """

    name: str
    attachment: Attachment
    replaced: dict[str, Tensor]


@torch.no_grad()
def merge(model: PreTrainedModel) -> Merged:
    """Folds every change into the weights that it belongs to, `W' = W + g dW`, and takes the modules off.

    In fp32 the logits stay the same to 1e-5; a backbone of fewer bits rounds once, and a warning says how much of the
    change that costs. What is trained in place, such as a task's head, stays as it is trained. Most gates depend on
    the text, so that no one weight can stand for them. A scalar gate does not: the LoRA of UniPELT can be merged
    behind that, as in `scalar*lora@q,v`.

    Returns:
        What `unmerge` needs, with a copy of all that was changed.

    Raises:
        AttachError: if the model carries nothing.
        MergeError: if it carries several methods, or one that is no change of weights; says why.
        WeightError: for a quantised backbone. Nothing is changed then.

    """
    carried = carried_by(model)
    if len(carried) > 1:
        raise MergeError(
            f"the model carries {', '.join(carried)}, and merging one would change the backbone under the others: "
            "detach all but one"
        )
    ((name, attachment),) = carried.each().items()
    values: dict[str, Tensor] = {}
    change = error = 0.0
    for own, value in _merged(model, attachment, {}):
        p = model.get_parameter(own)
        values[own] = value.to(p.dtype)
        change += (value - p).double().square().sum().item()
        error += (values[own] - value).double().square().sum().item()
    if error:
        warnings.warn(
            f"rounding the merged weights to {str(p.dtype).removeprefix('torch.')} changes the method by "
            f"{(error / change) ** 0.5:.1%} of its norm; merge into a float32 backbone to lose nothing",
            RoundingWarning,
            stacklevel=3,
        )
    values |= {own: value.clone() for own, value in carried.trained(model, name).items()}
    detach(model, name)
    replaced = {own: model.get_parameter(own).detach().clone() for own in values}
    _fill(model, values)
    return Merged(name, attachment, replaced)


@torch.no_grad()
def unmerge(model: PreTrainedModel, merged: Merged) -> Attachment:
    """Puts the weights back bit for bit as they were before `merge`, and the method on them.

    Raises:
        MergeError: if the model carries a method, or its weights are not those that `merge` left, because another
            method was merged after it or they were trained. Nothing is changed then.

    """
    if hasattr(model, "pelt"):
        raise MergeError(f"the model carries {', '.join(carried_by(model))}, grown on the merged weights: detach it")
    for own, value in _merged(model, merged.attachment, merged.replaced):
        now = model.get_parameter(own)
        if not torch.equal(value.to(now.dtype), now):
            raise MergeError(
                f"{own} is not as merge left it: unmerge first what was merged last; training cannot be undone so"
            )
    _fill(model, merged.replaced)
    put_on(model, merged.attachment, merged.name)
    return merged.attachment


def _fill(model: PreTrainedModel, values: Mapping[str, Tensor]) -> None:
    for own, value in values.items():
        model.get_parameter(own).copy_(value)


def _merged(
    model: PreTrainedModel, attachment: Attachment, before: Mapping[str, Tensor]
) -> Iterator[tuple[str, Tensor]]:
    """The name and the merged value, at least in fp32, of each tensor of the modules that grafts change the output of.

    `before` replaces what the model holds. The changes of one weight follow each other in the order of acting, but
    those of what the weight reads come last: `y = (W + dW)(x + L x)` is `(W + dW)(I + L) x`.
    """
    _check(attachment)
    names = {id(p): name for name, p in model.named_parameters()}
    by_host: dict[str, list[Graft]] = {}
    for graft in attachment.all_grafts():
        by_host.setdefault(graft.site.write.path, []).append(graft)
    for path, grafts in by_host.items():
        host = model.base_model.get_submodule(path)
        weight_at(host, grafts[0].site)
        values: dict[str, Tensor] = {}
        for kind, p in host.named_parameters(recurse=False):
            dtype = torch.promote_types(p.dtype, torch.float32)
            values[kind] = before.get(names[id(p)], p.detach()).to(p.device, dtype, copy=True)
        for graft in sorted(grafts, key=lambda graft: graft.site.write.side == "in"):
            _add(graft, host, values["weight"], values.get("bias"))
        for kind, value in values.items():
            yield names[id(host.get_parameter(kind))], value


def _add(graft: Graft, host: nn.Module, weight: Tensor, bias: Tensor | None) -> None:
    """Adds `g dW` and `g db` to their part of the weight and the bias, which are laid out as those of `host`."""
    site, delta = graft.site, cast(Any, graft.delta)
    weight = view_at(weight, host, site)
    bias = None if bias is None else part_of(bias, site.write.part, site.heads)
    matrix = weight if weight.dim() == 1 else weight.flatten(1).T
    dW, db = delta.weight_change(matrix.clone(), None if bias is None else bias.flatten())
    gate = 1.0 if graft.gate is None else _whole(graft)(matrix).squeeze()
    if dW is not None:
        weight += gate * (dW if dW.dim() == 1 else dW.T).reshape(weight.shape)
    if db is not None and bias is None:
        raise MergeError(f"{site} cannot be merged: {site.write.path} has no bias that one could be added to")
    if db is not None:
        bias += gate * db.view_as(bias)


def _whole(graft: Graft) -> Any:
    """The gate, or the one of the whole submodule that it is a share of."""
    return getattr(graft.gate, "whole", graft.gate)


def _check(attachment: Attachment) -> None:
    changed: set[Port] = set()
    for name, graft in attachment.grafts.items():
        assert isinstance(graft, Graft)
        reason = None
        if not hasattr(graft.delta, "weight_change"):
            able = ", ".join(method for method, entry in METHODS.items() if entry.mergeable)
            reason = f"what it adds is no linear map of what a weight reads, as it is under {able}"
        elif not (graft.gate is None or isinstance(_whole(graft), ScalarGate)):
            reason = "its gate depends on the text; without a gate, or behind 'scalar', it could be"
        elif isinstance(graft.delta, DoRA) and graft.site.write in changed:
            reason = "its length is that of the weight without the other method there; before it or alone it could be"
        if reason:
            raise MergeError(f"{name} cannot be merged: {reason}")
        changed.add(graft.site.write)
