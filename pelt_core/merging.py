"""Fold a method into the weights of the backbone, and take it out again."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from pelt_core.anatomy import Port
from pelt_core.attachment import AttachError, Attachment, carried_by, detach, put_on
from pelt_core.grafts import Graft
from pelt_core.methods import METHODS
from pelt_core.modules.gates import ScalarGate
from pelt_core.modules.weights import DoRA
from pelt_core.sites import bias_at, part_of, view_at, weight_at


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
        AttachError: if the model carries nothing, or several methods, or one that is no change of weights; says why.
        WeightError: for a quantised backbone. Nothing is changed then.

    """
    carried = carried_by(model)
    if len(carried) > 1:
        raise AttachError(
            f"the model carries {', '.join(carried)}, and merging one would change the backbone under the others: "
            "detach all but one"
        )
    ((name, attachment),) = carried.each().items()
    values = _merged(model, attachment, {})
    _warn_of_rounding(model, values)
    values |= {own: value.clone() for own, value in carried.trained(model, name).items()}
    detach(model, name)
    replaced = {own: model.get_parameter(own).detach().clone() for own in values}
    _fill(model, values)
    return Merged(name, attachment, replaced)


@torch.no_grad()
def unmerge(model: PreTrainedModel, merged: Merged) -> Attachment:
    """Puts the weights back bit for bit as they were before `merge`, and the method on them.

    Raises:
        AttachError: if the model carries a method, or its weights are not those that `merge` left, because another
            method was merged after it or they were trained. Nothing is changed then.

    """
    if hasattr(model, "pelt"):
        raise AttachError(f"the model carries {', '.join(carried_by(model))}, grown on the merged weights: detach it")
    for own, value in _merged(model, merged.attachment, merged.replaced).items():
        now = model.get_parameter(own)
        if not torch.equal(value.to(now.dtype), now):
            raise AttachError(
                f"{own} is not as merge left it: unmerge first what was merged last; training cannot be undone so"
            )
    _fill(model, merged.replaced)
    put_on(model, merged.attachment, merged.name)
    return merged.attachment


def _fill(model: PreTrainedModel, values: Mapping[str, Tensor]) -> None:
    for own, value in values.items():
        model.get_parameter(own).copy_(value)


def _merged(model: PreTrainedModel, attachment: Attachment, before: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Name -> the merged value, at least in fp32, of each tensor that a graft changes; `before` replaces the model's.

    The changes of one weight follow each other in the order of acting, but those of what the weight reads come last:
    `y = (W + dW)(x + L x)` is `(W + dW)(I + L) x`.
    """
    _check(attachment)
    names = {id(p): name for name, p in model.named_parameters()}
    values: dict[str, Tensor] = {}

    def value_of(p: nn.Parameter) -> Tensor:
        name, dtype = names[id(p)], torch.promote_types(p.dtype, torch.float32)
        if name not in values:
            values[name] = before.get(name, p.detach()).to(p.device, dtype, copy=True)
        return values[name]

    for graft in sorted(attachment.all_grafts(), key=lambda graft: graft.site.write.side == "in"):
        site, host = graft.site, model.base_model.get_submodule(graft.site.write.path)
        weight_at(host, site)
        weight, bias = view_at(value_of(host.get_parameter("weight")), host, site), None
        if bias_at(host, site) is not None:
            bias = part_of(value_of(host.get_parameter("bias")), site.write.part, site.heads)
        matrix = weight if weight.dim() == 1 else weight.flatten(1).T
        delta: Any = graft.delta
        dW, db = delta.weight_change(matrix.clone(), None if bias is None else bias.flatten())
        gate = 1.0 if graft.gate is None else _whole(graft)(matrix).squeeze()
        if dW is not None:
            weight += gate * (dW if dW.dim() == 1 else dW.T).reshape(weight.shape)
        if db is not None and bias is None:
            raise AttachError(f"{site} cannot be merged: {site.write.path} has no bias that one could be added to")
        if db is not None:
            bias += gate * db.view_as(bias)
    return values


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
            raise AttachError(f"{name} cannot be merged: {reason}")
        changed.add(graft.site.write)


def _warn_of_rounding(model: PreTrainedModel, values: Mapping[str, Tensor]) -> None:
    """Warns of `|round(W') - W'| / |W' - W|`, over all weights."""
    change = error = 0.0
    for own, value in values.items():
        p = model.get_parameter(own)
        change += (value - p).double().square().sum().item()
        error += (value.to(p.dtype) - value).double().square().sum().item()
    if error:
        dtype = str(p.dtype).removeprefix("torch.")
        warnings.warn(
            f"rounding the merged weights to {dtype} changes the method by {(error / change) ** 0.5:.1%} of its norm; "
            "merge into a float32 backbone to lose nothing",
            RoundingWarning,
            stacklevel=3,
        )
