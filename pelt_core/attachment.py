"""Attach a method to a model in one line, merge it, and take it off again."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel

from pelt_core.errors import PeltError
from pelt_core.grafts import Graft
from pelt_core.methods import METHODS, Method, parse
from pelt_core.sites import sites

# The output layer of a classification model starts at random, so every method trains it.
_TASK_HEADS = ("classifier", "score")


class AttachError(PeltError, ValueError):
    """A model that already carries a method, carries none, or cannot be merged."""


class Attachment(nn.Module):
    """All that was grown on a model, held as `model.pelt`.

    Attributes:
        method: the specification that was attached.
        grafts: `"layer_position_name"` -> the graft there.

    """

    def __init__(self, model: PreTrainedModel, method: Method) -> None:
        super().__init__()
        self.method = method
        self.grafts = nn.ModuleDict()
        self._handles: list[RemovableHandle] = []
        self._required_grad = {name for name, p in model.named_parameters() if p.requires_grad}
        self._before: dict[str, Tensor] = {}
        device = next(model.parameters()).device
        for term in method.terms:
            if term.entry.module is None:
                continue
            kind = getattr(term.entry.module, "graft", Graft)
            for site in sites(model, term.positions, term.layers):
                delta = term.entry.module(site, **dict(term.arguments))
                self.grafts[f"{site.layer}_{site.position}_{term.name}"] = kind(site, delta).to(device)

    def all_grafts(self) -> list[Graft]:
        """The grafts, term by term and layer by layer."""
        return [graft for graft in self.grafts.values() if isinstance(graft, Graft)]

    def _wire(self, model: PreTrainedModel) -> None:
        trained_in_place = _trained_in_place(model, self.method)
        for name, p in model.named_parameters():
            p.requires_grad_(name in trained_in_place)
            if name in trained_in_place:
                self._before[name] = p.detach().clone()
        for graft in self.all_grafts():
            self._handles += graft.wire(model.base_model)
        self.train(model.training)

    def _unwire(self, model: PreTrainedModel) -> None:
        for handle in self._handles:
            handle.remove()
        for name, p in model.named_parameters():
            p.requires_grad_(name in self._required_grad)


def _trained_in_place(model: PreTrainedModel, method: Method) -> set[str]:
    """The names of the model's own parameters that `method` trains."""
    trains = method.terms[0].entry.trains
    names = [name for name, _ in model.named_parameters()]
    if trains == "model":
        return set(names)
    if trains == "nothing":
        return set()
    head = {name for name in names if name.split(".")[0] in _TASK_HEADS}
    if trains == "head" and not head:
        output = model.get_output_embeddings()
        if output is None:
            raise AttachError(f"{type(model).__name__} has no output layer, so 'head' has nothing to train")
        own = {id(p) for p in output.parameters()}
        head = {name for name, p in model.named_parameters() if id(p) in own}
    return head


def attach(model: PreTrainedModel, method: str | Method, *, seed: int = 0) -> Attachment:
    """Freezes `model`, grows `method` on it, and returns what was grown (also `model.pelt`).

    The new modules start the same for the same `seed`; the caller's random state is left alone. The head of a
    sequence classifier stays trainable under every method but `none`.

    Raises:
        MethodError: for a specification that cannot be understood.
        AnatomyError: for a family, position or layer that the model does not have.
        AttachError: if the model already carries a method.

    Example:
        >>> attach(model, "lora(rank=8)@q,v")  # doctest: +SKIP

    """
    if isinstance(carried := getattr(model, "pelt", None), Attachment):
        raise AttachError(f"the model already carries {str(carried.method)!r}: detach(model) first")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        attachment = Attachment(model, method if isinstance(method, Method) else parse(method))
    attachment._wire(model)
    model.pelt = attachment
    return attachment


def attached(model: PreTrainedModel) -> Attachment:
    """What `model` carries.

    Raises:
        AttachError: if it carries nothing.

    """
    if not isinstance(found := getattr(model, "pelt", None), Attachment):
        raise AttachError('the model carries no method: attach(model, "lora@q,v") first')
    return found


@torch.no_grad()
def detach(model: PreTrainedModel) -> None:
    """Takes the method off: the model is again, bit for bit, what it was before `attach`.

    Raises:
        AttachError: if the model carries nothing.

    """
    attachment = attached(model)
    for name, value in attachment._before.items():
        model.get_parameter(name).copy_(value)
    del model.pelt
    attachment._unwire(model)


@torch.no_grad()
def merge(model: PreTrainedModel) -> None:
    """Folds every change into the weights it belongs to, `W' = W + dW`, and takes the modules off.

    A trained task head stays as it is trained.

    Raises:
        AttachError: if the model carries nothing, or a method that is not a change of weights.

    """
    attachment = attached(model)
    if fixed := [t.name for t in attachment.method.terms if t.entry.module is not None and not t.entry.mergeable]:
        able = ", ".join(name for name, entry in METHODS.items() if entry.mergeable)
        raise AttachError(
            f"{', '.join(map(repr, fixed))} cannot be merged: it is not a change of a weight matrix ({able} is)"
        )
    for graft in attachment.all_grafts():
        graft.merge(model.base_model)
    del model.pelt
    attachment._unwire(model)
