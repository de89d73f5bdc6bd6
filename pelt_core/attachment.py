"""Attach methods to a model in one line each, switch between them, and take them off again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel

from pelt_core.context import Context
from pelt_core.errors import PeltError
from pelt_core.grafts import Graft
from pelt_core.methods import GATES
from pelt_core.sites import Site, layers, sites
from pelt_core.specification import GateTerm, Group, Method, Term, parse

# The output layer of a classification model starts at random, so every method trains it.
_TASK_HEADS = ("classifier", "score")


class AttachError(PeltError, ValueError):
    """A model that already carries a method of this name, or carries none, or where a method makes no sense."""


class Attachment(nn.Module):
    """One method grown on a model.

    Attributes:
        method: the specification that was attached.
        grafts: `"layer_position_name"` -> the graft there.
        contexts: `"layer"` -> what the gates of that layer need to know.
        in_place: the names of the model's own parameters that this method trains.
        active: whether it acts on the model.

    """

    def __init__(self, model: PreTrainedModel, method: Method) -> None:
        super().__init__()
        self.method = method
        self.grafts, self.contexts = nn.ModuleDict(), nn.ModuleDict()
        self.in_place = _trained_in_place(model, method)
        self.active = False
        self._handles: list[RemovableHandle] = []
        self._values: dict[str, Tensor] = {}
        device = next(model.parameters()).device
        with device if device.type == "meta" else nullcontext():
            for group in method.groups:
                self._grow(model, group)
        self.to(device)

    def all_grafts(self) -> list[Graft]:
        """The grafts, term by term and layer by layer."""
        return [graft for graft in self.grafts.values() if isinstance(graft, Graft)]

    def _grow(self, model: PreTrainedModel, group: Group) -> None:
        joint: dict[int, Any] = {}
        for number, term in enumerate(group.terms):
            if term.entry.module is None:
                continue
            make, arguments = cast(Any, term.entry.module), dict(term.arguments)
            found = sites(model, term.positions, term.layers)
            common = (make.Common(found, **arguments),) if hasattr(make, "Common") else ()
            for site in found:
                delta = make(site, *common, **arguments)
                gate = None
                if group.gate:
                    context = self._context(model, site, term)
                    width = model.config.hidden_size
                    gate = _gate(group.gate, site, delta, context, (number, len(group.terms)), joint, width)
                kind: type[Graft] = getattr(make, "graft", Graft)
                self.grafts[f"{site}_{term.name}"] = kind(site, delta, gate)

    def _context(self, model: PreTrainedModel, site: Site, term: Term) -> Context:
        if site.layer is None:
            raise AttachError(f"{term.name!r} at {site.position!r} is outside of the layers, where no gate can be")
        if str(site.layer) not in self.contexts:
            self.contexts[str(site.layer)] = Context(layers(model, [site.layer])[0])
        return cast(Context, self.contexts[str(site.layer)])

    def _put_on(self, model: PreTrainedModel, parameters: dict[str, nn.Parameter]) -> None:
        for name in self.in_place:
            parameters[name].requires_grad_(True)
            if name in self._values:
                parameters[name].copy_(self._values.pop(name))
        for part in [*self.contexts.values(), *self.all_grafts()]:
            self._handles += cast(Any, part).wire(model.base_model)
        self.active = True
        self.requires_grad_(True).train(model.training)

    def _take_off(self, parameters: dict[str, nn.Parameter]) -> None:
        self._values = {name: parameters[name].detach().clone() for name in self.in_place}
        for handle in self._handles:
            handle.remove()
        self._handles, self.active = [], False
        self.requires_grad_(False)


class Attachments(nn.ModuleDict):
    """All that was grown on a model, held as `model.pelt`: name -> `Attachment`."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self._required_grad = {name for name, p in model.named_parameters() if p.requires_grad}
        self._pretrained: dict[str, Tensor] = {}

    def each(self) -> list[Attachment]:
        """The attachments, in the order in which they were grown."""
        return [attachment for attachment in self.values() if isinstance(attachment, Attachment)]

    def active(self) -> list[str]:
        """The names of those that act on the model."""
        return [name for name, attachment in self.items() if cast(Attachment, attachment).active]

    @torch.no_grad()
    def _activate(self, model: PreTrainedModel, names: Sequence[str]) -> None:
        parameters = {n: p for n, p in model.named_parameters() if not n.startswith("pelt.")}
        for attachment in self.each():
            if attachment.active:
                attachment._take_off(parameters)
        for name, value in self._pretrained.items():
            parameters[name].copy_(value)
        for p in parameters.values():
            p.requires_grad_(False)
        for name in names:
            attachment = cast(Attachment, self[name])
            for own in attachment.in_place - self._pretrained.keys():
                self._pretrained[own] = parameters[own].detach().clone()
            attachment._put_on(model, parameters)


def _gate(
    kind: GateTerm,
    site: Site,
    delta: nn.Module,
    context: Context,
    member: tuple[int, int],
    joint: dict[int, Any],
    hidden: int,
) -> nn.Module:
    """The gate of one graft: one of its own, or its share of the one that weighs the methods of its layer."""
    make: Any = kind.entry.module
    arguments = dict(kind.arguments)
    if site.stack.causal and not make.causal:
        able = ", ".join(name for name, entry in GATES.items() if entry.module.causal)
        raise AttachError(
            f"the gate {kind.name!r} of a token depends on the tokens after it, which a causal model may not see: "
            f"choose one of {able}"
        )
    if not make.joint:
        width = site.d_out if getattr(delta, "reads", "x") == "y" else site.d_in
        return cast(nn.Module, make(width, context, **arguments))
    assert site.layer is not None
    if site.layer not in joint:
        joint[site.layer] = make(hidden, context, member[1], **arguments)
    return cast(nn.Module, joint[site.layer].share(member[0]))


def _trained_in_place(model: PreTrainedModel, method: Method) -> set[str]:
    """The names of the model's own parameters that `method` trains."""
    first = method.terms[0]
    names = [name for name, _ in model.named_parameters() if not name.startswith("pelt.")]
    if first.entry.trains == "nothing":
        return set()
    head = {name for name in names if name.split(".")[0] in _TASK_HEADS}
    if first.entry.trains == "model":
        if first.layers is None:
            return set(names)
        blocks = [model.base_model.get_submodule(layer.path) for layer in layers(model, first.layers)]
        own = {id(p) for block in blocks for p in block.parameters()}
        return head | {name for name, p in model.named_parameters() if id(p) in own}
    if first.entry.trains == "head" and not head:
        output = model.get_output_embeddings()
        if output is None:
            raise AttachError(f"{type(model).__name__} has no output layer, so 'head' has nothing to train")
        own = {id(p) for p in output.parameters()}
        return {name for name, p in model.named_parameters() if id(p) in own}
    return head


def attach(model: PreTrainedModel, method: str | Method, *, name: str = "default", seed: int = 0) -> Attachment:
    """Freezes `model`, grows `method` on it, and returns what was grown (also `model.pelt[name]`).

    What the model already carries stays and acts with it, the newest last. The new modules start the same for the
    same `seed`; the caller's random state is left alone. The head of a sequence classifier stays trainable under
    every method but `none`.

    Raises:
        MethodError: for a specification that cannot be understood.
        AnatomyError: for a family, position or layer that the model does not have.
        AttachError: if the model already carries a method of this name, or cannot carry this one; says why.

    Example:
        >>> attach(model, "lora(rank=8)@q,v")  # doctest: +SKIP

    """
    carried = model.pelt if hasattr(model, "pelt") else Attachments(model)
    assert isinstance(carried, Attachments)
    if name in carried:
        raise AttachError(f"the model already carries {str(attached(model, name).method)!r} by the name of {name!r}: "
                          "detach it first, or give another name")  # fmt: skip
    if not name.isidentifier() or hasattr(carried, name):
        raise AttachError(f"{name!r} cannot be the name of a method: take a plain word")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        attachment = Attachment(model, method if isinstance(method, Method) else parse(method))
    acting = carried.active()
    model.pelt = carried
    carried[name] = attachment
    carried._activate(model, [*acting, name])
    return attachment


def attached(model: PreTrainedModel, name: str | None = None) -> Attachment:
    """What `model` carries by the name of `name`, or the only method that it carries.

    Raises:
        AttachError: if it carries nothing, nothing of this name, or several and no name is given.

    """
    carried = getattr(model, "pelt", None)
    if not isinstance(carried, Attachments):
        raise AttachError('the model carries no method: attach(model, "lora@q,v") first')
    if name is None and len(carried) == 1:
        return carried.each()[0]
    if name is None or name not in carried:
        wrong = "say which" if name is None else f"none is called {name!r}"
        raise AttachError(f"the model carries methods by the names of {', '.join(carried)}: {wrong}")
    return cast(Attachment, carried[name])


def activate(model: PreTrainedModel, *names: str) -> None:
    """Lets the methods of these names act on `model`, in this order, and no other; with no name, none.

    Only those that act are trained. Methods that train the same tensor of the model in place, such as a task's head,
    each keep their own values of it; of several that act at once, the last one's count.

    Raises:
        AttachError: if the model carries no method of such a name, or a name is said twice.

    """
    for name in names:
        attached(model, name)
    if len(set(names)) < len(names):
        raise AttachError(f"a name is said twice in {', '.join(names)}")
    cast(Attachments, model.pelt)._activate(model, names)


def detach(model: PreTrainedModel, name: str | None = None) -> Attachment:
    """Takes a method off and returns it: without the last, the model is bit for bit what it was before `attach`.

    Raises:
        AttachError: if the model carries nothing, nothing of this name, or several and no name is given.

    """
    gone, carried = attached(model, name), cast(Attachments, model.pelt)
    left = [other for other in carried.active() if carried[other] is not gone]
    carried._activate(model, left)
    for other in [key for key, attachment in carried.items() if attachment is gone]:
        del carried[other]
    if not carried:
        del model.pelt
        for own, p in model.named_parameters():
            p.requires_grad_(own in carried._required_grad)
    return gone
