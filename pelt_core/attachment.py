"""Attach methods to a model in one line each, switch between them, and take them off again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel

from pelt_core.drawing import drawn_from
from pelt_core.errors import PeltError
from pelt_core.gating import Gating
from pelt_core.grafts import Graft, forget_compiled
from pelt_core.in_place import trained_in_place
from pelt_core.offloading import device_of, is_offloaded
from pelt_core.prompt_end import PromptEnd
from pelt_core.sharing import share_in_state_dict
from pelt_core.sites import sites
from pelt_core.specification import Group, Method, parse


class AttachError(PeltError, ValueError):
    """A model that already carries a method of this name, or carries none, or where a method makes no sense."""


class Attachment(nn.Module):
    """One method grown on a model.

    Attributes:
        method: the specification that was attached.
        grafts: `"layer_position_name"` -> the graft there.
        contexts: `"layer"` -> what the gates of that layer need to know.
        prompt: where the prompts end in the batch at work.
        in_place: the names of the model's own parameters that this method trains.
        active: whether it acts on the model.

    """

    def __init__(self, model: PreTrainedModel, method: Method) -> None:
        super().__init__()
        share_in_state_dict(self)
        self.method = method
        self.grafts, self.contexts = nn.ModuleDict(), nn.ModuleDict()
        self.prompt = PromptEnd(answers_apart=model.config.is_encoder_decoder)
        self.in_place = trained_in_place(model, method)
        self.active = False
        self._handles: list[RemovableHandle] = []
        self._values: dict[str, Tensor] = {}  # of what is trained in place, while it is not in the model
        if away := sorted(name for name in self.in_place if is_offloaded(_owner(model, name))):
            raise AttachError(
                f"{away[0]} is offloaded, and {str(method)!r} trains it where it is: keep it on a device, by another "
                "device_map or without offloading"
            )
        device = device_of(model)
        with device if device and device.type == "meta" else nullcontext():
            for group in method.groups:
                self._grow(model, group)

    def all_grafts(self) -> list[Graft]:
        """The grafts, term by term and layer by layer."""
        return [graft for graft in self.grafts.values() if isinstance(graft, Graft)]

    def _grow(self, model: PreTrainedModel, group: Group) -> None:
        places = {term: sites(model, term.positions, term.layers) for term in group.terms if term.entry.module}
        gating = Gating(model, group.gate, places, self.contexts, self.prompt)
        for term, found in places.items():
            make, arguments = cast(Any, term.entry.module), dict(term.arguments)
            common = (make.Common(found, **arguments),) if hasattr(make, "Common") else ()
            for site in found:
                if f"{site}_{term.name}" in self.grafts:
                    raise AttachError(
                        f"{term.name!r} sits twice at {site.position!r} of layer {site.layer}: say it once"
                    )
                delta = make(site, *common, **arguments)
                gate = gating.gate(term, site, delta)
                kind: type[Graft] = getattr(make, "graft", Graft)
                graft = self.grafts[f"{site}_{term.name}"] = kind(site, delta, gate)
                graft.start(model.base_model)
                host = model.base_model.get_submodule(site.write.path)
                graft.to(device_of(host) or device_of(model))

    def _put_on(self, model: PreTrainedModel, parameters: dict[str, nn.Parameter]) -> None:
        self.active = True
        self.requires_grad_(True)
        for name in self.in_place:
            parameters[name].requires_grad_(True)
            if name in self._values:
                parameters[name].copy_(self._values[name])
        if self.contexts:
            self._handles += self.prompt.wire(model, model.base_model)
        for part in [*self.contexts.values(), *self.all_grafts()]:
            self._handles += cast(Any, part).wire(model.base_model)

    def _take_off(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles, self.active = [], False
        self.requires_grad_(False)


def _owner(model: PreTrainedModel, name: str) -> nn.Module:
    """The module whose own parameter this is."""
    return model.get_submodule(name.rpartition(".")[0])


class Attachments(nn.ModuleDict):
    """All that was grown on a model, held as `model.pelt`: name -> `Attachment`.

    Attributes:
        acting: the names of those that act on the model, in the order in which they do.

    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.acting: tuple[str, ...] = ()
        self._required_grad = {name for name, p in model.named_parameters() if p.requires_grad}
        self._pretrained: dict[str, Tensor] = {}

    def each(self) -> dict[str, Attachment]:
        """Name -> attachment, in the order in which they were grown."""
        return {name: cast(Attachment, attachment) for name, attachment in self.items()}

    def pretrained(self, name: str, value: Tensor) -> Tensor:
        """The model's own tensor `name` as it was before any method trained it, given its `value` now."""
        return self._pretrained.get(name, value)

    def trained(self, model: PreTrainedModel, name: str) -> dict[str, Tensor]:
        """The model's own tensors as the method `name` has trained them, whether it acts or not."""
        owners, attachment = self._owners(), self.each()[name]
        return {
            own: model.get_parameter(own).detach() if owners.get(own) == name else attachment._values[own]
            for own in sorted(attachment.in_place)
        }

    def _owners(self) -> dict[str, str]:
        """The model's own tensor -> the method whose values it has: the last that acts and trains it."""
        return {own: name for name in self.acting for own in self.each()[name].in_place}

    def _check_shapes(self, parameters: Mapping[str, Tensor]) -> None:
        """That what is kept of the model's own tensors still fits them."""
        for kept in (self._pretrained, *(attachment._values for attachment in self.each().values())):
            for name, value in kept.items():
                if (now := parameters[name].shape) != value.shape:
                    raise AttachError(
                        f"{name} was {tuple(value.shape)} when a method that trains it was attached, and is "
                        f"{tuple(now)}: resize it back, then detach; another time resize first, then attach"
                    )

    @torch.no_grad()
    def _activate(self, model: PreTrainedModel, names: Sequence[str]) -> None:
        each = self.each()
        parameters = {name: p for name, p in model.named_parameters() if not name.startswith("pelt.")}
        self._check_shapes(parameters)
        forget_compiled()
        for own, name in self._owners().items():
            each[name]._values[own] = parameters[own].detach().clone()
        for name in self.acting:
            each[name]._take_off()
        for own, value in self._pretrained.items():
            parameters[own].copy_(value)
        for p in parameters.values():
            p.requires_grad_(False)
        self.acting = tuple(names)
        self._pretrained = {own: parameters[own].detach().clone() for own in self._owners()}
        for name in names:
            each[name]._put_on(model, parameters)
        for own, name in self._owners().items():
            each[name]._values.pop(own, None)


def attach(model: PreTrainedModel, method: str | Method, *, name: str = "default", seed: int = 0) -> Attachment:
    """Freezes `model`, grows `method` on it, and returns what was grown (also `model.pelt[name]`).

    What acts on the model already still does, and the new method after it. The new modules start the same for the
    same `seed`; the caller's random state is left alone. The head of a sequence classifier stays trainable under
    every method but `none`. If the method cannot be attached, the model is left as it was.

    Raises:
        MethodError: for a specification that cannot be understood.
        AnatomyError: for a family, position or layer that the model does not have.
        AttachError: if the model already carries a method of this name, or cannot carry this one; says why.

    Example:
        >>> attach(model, "lora(rank=8)@q,v")  # doctest: +SKIP

    """
    if not isinstance(model, PreTrainedModel) or not isinstance(method, (str, Method)):
        raise AttachError(
            f"attach takes a transformers model and a specification as in 'lora(rank=8)@q,v', not "
            f"{type(model).__name__} and {type(method).__name__}"
        )
    carried = model.pelt if hasattr(model, "pelt") else Attachments(model)
    assert isinstance(carried, Attachments)
    if name in carried:
        raise AttachError(f"the model already carries {str(attached(model, name).method)!r} by the name of {name!r}: "
                          f"detach(model, {name!r}) first, or attach this one under another name=")  # fmt: skip
    if not name.isidentifier() or hasattr(carried, name):
        raise AttachError(f"{name!r} cannot be the name of a method: take another plain word, as in name='task_a'")
    with drawn_from(seed):
        attachment = Attachment(model, method if isinstance(method, Method) else parse(method))
    put_on(model, attachment, name)
    return attachment


def put_on(model: PreTrainedModel, attachment: Attachment, name: str) -> None:
    """Lets `model` carry what was grown on it, by a name that is free, and lets it act after what already does."""
    if not hasattr(model, "pelt"):
        model.pelt = Attachments(model)
    carried = cast(Attachments, model.pelt)
    carried._check_shapes(dict(model.named_parameters()))
    carried[name] = attachment
    carried.train(model.training)
    try:
        carried._activate(model, (*carried.acting, name))
    except BaseException:
        detach(model, name)
        raise


def attached(model: PreTrainedModel, name: str | None = None) -> Attachment:
    """What `model` carries by the name of `name`, or the only method that it carries.

    Raises:
        AttachError: if it carries nothing, nothing of this name, or several and no name is given.

    """
    return carried_by(model).each()[name_of(model, name)]


def carried_by(model: PreTrainedModel) -> Attachments:
    """All that `model` carries.

    Raises:
        AttachError: if it carries nothing.

    """
    carried = getattr(model, "pelt", None)
    if not isinstance(carried, Attachments):
        raise AttachError('the model carries no method: attach(model, "lora@q,v") first')
    return carried


def name_of(model: PreTrainedModel, name: str | None) -> str:
    """`name`, or that of the only method that `model` carries."""
    names = list(carried_by(model))
    if name is None and len(names) == 1:
        return names[0]
    if name not in names:
        wrong = "say which one" if name is None else f"none is called {name!r}"
        raise AttachError(f"{wrong}: the model carries {', '.join(names)}")
    return name


def activate(model: PreTrainedModel, *names: str) -> None:
    """Lets the methods of these names act on `model`, in this order, and no other; with no name, none.

    Only those that act are trained. Methods that train the same tensor of the model in place, such as a task's head,
    each keep their own values of it; of several that act at once, the last one's count. All that `torch.compile` has
    compiled in this process is compiled anew.

    Raises:
        AttachError: if the model carries nothing, no method of such a name, or a name is said twice; or if a tensor
            that a method trains in place has been resized since; the model is then left as it was.

    """
    carried = carried_by(model)
    for name in names:
        name_of(model, name)
    if twice := {name for name in names if names.count(name) > 1}:
        raise AttachError(f"{', '.join(sorted(twice))} is said twice: say each method once, in the order of acting")
    carried._activate(model, names)


def detach(model: PreTrainedModel, name: str | None = None) -> Attachment:
    """Takes a method off and returns it: without the last, the model is bit for bit what it was before `attach`.

    Raises:
        AttachError: if the model carries nothing, nothing of this name, or several and no name is given; or if a tensor
            that a method trains in place has been resized since; the model is then left as it was.

    """
    name = name_of(model, name)
    carried = carried_by(model)
    carried._activate(model, [other for other in carried.acting if other != name])
    gone = cast(Attachment, carried.pop(name))
    if not carried:
        del model.pelt
        for own, p in model.named_parameters():
            p.requires_grad_(own in carried._required_grad)
    return gone
