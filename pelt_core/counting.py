"""How many parameters a method trains, and where: exact, and without any weights."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

from torch import nn
from transformers import PreTrainedModel

from pelt_core.attachment import Attachment, attach, detach
from pelt_core.specification import Method, parse

IN_PLACE, SHARED, GATES = "in place", "shared", "gates"


@dataclass(frozen=True)
class Part:
    """What one term of a method trains at one position.

    Attributes:
        method: the term's name.
        position: where; or "gates" for those in front of it, "shared" for what belongs to all its sites, "in place"
            for tensors of the backbone itself.
        sites: how many places of that kind there are.
        parameters: of all of them together.
    """

    method: str
    position: str
    sites: int
    parameters: int


@dataclass(frozen=True)
class Count:
    """The exact numbers of parameters of one method on one backbone.

    Attributes:
        method: its canonical specification.
        backbone: parameters of the pretrained model, a tied output layer counted once and a task's head not at all.
        carrier: parameters of the backbone with everything that was added to it, without the task's head.
        parts: what the method trains, place by place.
        head: parameters of the task's head, which is new and trained under every method.
    """

    method: str
    backbone: int
    carrier: int
    parts: tuple[Part, ...]
    head: int

    @property
    def own(self) -> int:
        """What the method itself trains."""
        return sum(part.parameters for part in self.parts)

    @property
    def trainable(self) -> int:
        """All that is trained: the method's own and the task's head."""
        return self.own + self.head

    @property
    def percent(self) -> float:
        """`100 own / carrier`, as the papers print it: the trained ones are part of the whole."""
        return 100 * self.own / self.carrier


def count(model: PreTrainedModel, method: str | Method) -> Count:
    """The parameters that `method` would train on `model`, which may be on the meta device and is left as it was.

    Raises:
        PeltError: as `pelt_core.attach`.
    """
    pretrained = _pretrained(model)
    size = sum(p.numel() for p in pretrained.values())
    attachment = attach(model, method, name="counted")
    trained = {name: model.get_parameter(name).numel() for name in attachment.in_place}
    detach(model, "counted")
    in_place = sum(number for name, number in trained.items() if name in pretrained)
    parts = _parts(attachment)
    if in_place:
        parts.append(Part(attachment.method.terms[0].name, IN_PLACE, 1, in_place))
    added = sum(p.numel() for p in attachment.parameters())
    return Count(str(attachment.method), size, size + added, tuple(parts), sum(trained.values()) - in_place)


def count_named(backbone: str, method: str, task: str | None = None) -> Count:
    """`count` on a backbone known by name, a folder or a hub id, built without its weights.

    Args:
        backbone: as `pelt_core.backbones.meta_model` takes it.
        method: a specification.
        task: as `meta_model` takes it; what the backbone was made for if left out.

    Raises:
        PeltError: as `meta_model` and `pelt_core.attach`.
    """
    return _counted(backbone, str(parse(method)), task)


@cache
def _counted(backbone: str, method: str, task: str | None) -> Count:
    return count(_shapes(backbone, task), method)


@cache
def _shapes(backbone: str, task: str | None) -> Any:
    from pelt_core.backbones import meta_model, natural_task

    return meta_model(backbone, task or natural_task(backbone))


def _pretrained(model: PreTrainedModel) -> dict[str, nn.Parameter]:
    """The parameters of the model without what it carries, and without a task's head, which is not pretrained."""
    named = {name: p for name, p in model.named_parameters() if not name.startswith("pelt.")}
    if model.get_output_embeddings() is not None:
        return named
    base = {id(p) for p in model.base_model.parameters()}
    return {name: p for name, p in named.items() if id(p) in base}


def _parts(attachment: Attachment) -> list[Part]:
    """What was grown, each tensor counted once however many modules hold it."""
    places: dict[int, list[tuple[str, str]]] = {}
    sites: Counter[tuple[str, str]] = Counter()
    for key, graft in zip(attachment.grafts, attachment.all_grafts(), strict=True):
        method = key.removeprefix(f"{graft.site}_")
        for position, module in ((graft.site.position, graft.delta), (GATES, graft.gate)):
            if module is not None:
                sites[method, position] += 1
                for p in module.parameters():
                    places.setdefault(id(p), []).append((method, position))
    sizes: Counter[tuple[str, str]] = Counter()
    for p in attachment.parameters():
        held = places[id(p)]
        method, position = held[0]
        sizes[method, position if len(held) == 1 or position == GATES else SHARED] += p.numel()
    return [Part(method, position, sites[method, position] or 1, n) for (method, position), n in sizes.items()]
