"""Fold a method into the weights of the backbone, and take it out again."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn
from transformers import PreTrainedModel

from pelt_core.attachment import AttachError, Attachment, attached, detach
from pelt_core.grafts import Graft
from pelt_core.methods import METHODS
from pelt_core.sites import weight_at


@torch.no_grad()
def merge(model: PreTrainedModel, name: str | None = None) -> Attachment:
    """Folds every change into the weights it belongs to, `W' = W + dW`, and takes the modules off.

    A trained task head stays as it is trained.

    Raises:
        AttachError: if the model carries nothing, or a method that is not a change of weights.

    """
    attachment = attached(model, name)
    if fixed := [t.name for t in attachment.method.terms if t.entry.module is not None and not t.entry.mergeable]:
        able = ", ".join(name for name, entry in METHODS.items() if entry.mergeable)
        raise AttachError(
            f"{', '.join(map(repr, fixed))} cannot be merged: it is not a change of a weight matrix ({able} is)"
        )
    trained = {n: model.get_parameter(n).detach().clone() for n in attachment.in_place}
    detach(model, name)
    for n, value in trained.items():
        model.get_parameter(n).copy_(value)
    for graft in attachment.all_grafts():
        _add(graft, model.base_model)
    return attachment


def _add(graft: Graft, base: nn.Module) -> None:
    """Adds `delta.weight()`, `(d_out, d_in)`, to the weight that the graft changes the output of."""
    target = weight_at(base.get_submodule(graft.site.write.path), graft.site)
    target += cast(Any, graft.delta).weight().T.reshape(target.shape)
