"""What a row of the catalogue says of a method or a gate."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from torch import nn

from pelt_core.modules.gates import Gate
from pelt_core.ranges import Range


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

    @property
    def ranges(self) -> dict[str, Range]:
        """Argument that is a number -> what it may be: as its type says, or of a whole number, one at least."""
        hints = get_type_hints(self.module.__init__, include_extras=True) if self.module else {}
        numbers = {name: Range(1) if kind is int else Range() for name, kind in hints.items() if kind in (int, float)}
        told = {name: get_args(kind)[1] for name, kind in hints.items() if get_origin(kind) is Annotated}
        return numbers | told


@dataclass(frozen=True)
class Entry(_Row):
    """A method.

    Attributes:
        module: the class that is built as `module(site, **arguments)`, or, where it has a class attribute `Common`,
            as `module(site, common, **arguments)` with one `Common(sites, **arguments)` for all of its sites;
            `None` for a method without modules. `pelt_core.grafts` says what else such a class may have.
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
