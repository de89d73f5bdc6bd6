"""What a row of the catalogue says of a method or a gate."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, Literal, get_type_hints

from torch import nn

from pelt_core.modules.gates import Gate


class _Row:
    """What a row of either catalogue knows about the arguments of its class."""

    module: type[nn.Module] | None

    @property
    def defaults(self) -> dict[str, Any]:
        """Argument -> default value."""
        if self.module is None:
            return {}
        parameters = inspect.signature(self.module).parameters.values()
        return {p.name: p.default for p in parameters if p.default is not p.empty}

    @property
    def types(self) -> dict[str, Any]:
        """Argument -> type."""
        return get_type_hints(self.module.__init__) if self.module else {}


@dataclass(frozen=True)
class Entry(_Row):
    """A method.

    Attributes:
        module: the class that is built as `module(site, **arguments)`, or, where it has a class attribute `Common`,
            as `module(site, common, **arguments)` with one `Common(sites, **arguments)` for all of its sites;
            `None` for a method without modules.
        equation: what it computes, in one line.
        paper: key in `book/references.bib`.
        summary: what it is, in a few words.
        positions: where it sits unless the specification says otherwise.
        allowed: where it may sit.
        trains: its `modules` and the head of a task, the `model` or some of its layers, the `head` alone, or `nothing`.
        mergeable: whether it can be folded into the weights of the backbone.
        backprop: whether its gradient passes through the backbone.

    """

    module: type[nn.Module] | None
    equation: str
    paper: str
    summary: str
    positions: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    trains: Literal["modules", "model", "head", "nothing"] = "modules"
    mergeable: bool = False
    backprop: bool = True


@dataclass(frozen=True)
class GateEntry(_Row):
    """A gate.

    Attributes:
        module: the class that is built as `module(width, context, **arguments)`.
        equation: what it computes, in one line.
        paper: key in `book/references.bib`.
        summary: what it is, in a few words.

    """

    module: type[Gate]
    equation: str
    paper: str
    summary: str
