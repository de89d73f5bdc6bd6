"""The strings that specify a method.

A method is a sum of terms, `name(argument=value, ...)@positions:layers`, each perhaps behind a gate::

    lora(rank=32,alpha=64)@q,k,v,up,down
    series(bottleneck=64)@attn,mlp:0-5
    prefix(tokens=10)+parallel@mlp:last4
    sequence*[lora@q,v+prefix+series@mlp]

Arguments, positions and layers that are left out take the method's defaults; without layers, every layer is meant.
`gate*[a+b]` puts one gate of a kind in front of each of `a` and `b`. A recipe's name stands for its whole
specification, and takes none of these.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import combinations
from typing import Any, Literal, get_args, get_origin

from pelt_core.anatomy import GROUPS
from pelt_core.entries import Entry, GateEntry
from pelt_core.errors import PeltError
from pelt_core.methods import GATES, METHODS, RECIPES
from pelt_core.ranges import Range


class MethodError(PeltError, ValueError):
    """A method specification that cannot be understood."""


@dataclass(frozen=True)
class GateTerm:
    """A kind of gate and its arguments."""

    name: str
    arguments: tuple[tuple[str, Any], ...]

    @property
    def entry(self) -> GateEntry:
        """The catalogue row."""
        return GATES[self.name]

    def __str__(self) -> str:
        return self.name + _said(self.arguments, self.entry.defaults)


@dataclass(frozen=True)
class Term:
    """One module type, its arguments, and where it sits; negative layers count from the last."""

    name: str
    arguments: tuple[tuple[str, Any], ...]
    positions: tuple[str, ...]
    layers: tuple[int, ...] | None = None

    @property
    def entry(self) -> Entry:
        """The catalogue row."""
        return METHODS[self.name]

    def __str__(self) -> str:
        where = "@" + ",".join(self.positions) if self.positions else ""
        layers = ""
        if self.layers is not None:
            layers = f":last{len(self.layers)}" if self.layers[0] < 0 else ":" + ",".join(map(str, self.layers))
        return self.name + _said(self.arguments, self.entry.defaults) + where + layers


@dataclass(frozen=True)
class Group:
    """Terms behind one kind of gate, or behind none."""

    terms: tuple[Term, ...]
    gate: GateTerm | None = None

    def __str__(self) -> str:
        sum_of_terms = "+".join(map(str, self.terms))
        if self.gate is None:
            return sum_of_terms
        return f"{self.gate}*{sum_of_terms}" if len(self.terms) == 1 else f"{self.gate}*[{sum_of_terms}]"


@dataclass(frozen=True)
class Method:
    """A sum of groups; `str` gives the one canonical specification, with every position and no default argument."""

    groups: tuple[Group, ...]

    def __str__(self) -> str:
        return "+".join(map(str, self.groups))

    @property
    def terms(self) -> tuple[Term, ...]:
        """The terms of all groups."""
        return tuple(term for group in self.groups for term in group.terms)

    @property
    def positions(self) -> tuple[str, ...]:
        """Every position that some term sits at, in the order of the terms."""
        return tuple(dict.fromkeys(p for term in self.terms for p in term.positions))


def _said(arguments: tuple[tuple[str, Any], ...], defaults: dict[str, Any]) -> str:
    said = ",".join(f"{name}={_show(value)}" for name, value in arguments if value != defaults[name])
    return f"({said})" if said else ""


def _show(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value).removesuffix(".0")


_NAME = r"(?P<name>\w+)(?:\((?P<arguments>[^()]*)\))?"
_TERM = re.compile(_NAME + r"(?:@(?P<positions>[\w,]+))?(?::(?P<layers>[\w,-]+))?")
_GATE = re.compile(_NAME)
_PLUS = re.compile(r"\+(?![^(]*\))(?![^\[]*\])")  # not the one of (scale=1e+2), nor inside brackets


def parse(spec: str) -> Method:
    """The method that `spec` describes.

    Raises:
        MethodError: for a wrong name, argument, value, position or layer range; says what is valid.

    """
    written = "".join(spec.split())
    for pair in ("[]", "()"):
        opened, closed = map(written.count, pair)
        if opened != closed:
            raise MethodError(f"{spec!r} lacks a {pair[opened > closed]!r}, as in sequence*[lora(rank=4)@q,v+prefix]")
    groups: list[Group] = []
    for text in _PLUS.split(written):
        groups += parse(RECIPES[text]).groups if text in RECIPES else [_group(text)]
    method = Method(_joined(groups))
    alone = [t.name for t in method.terms if t.entry.module is None]
    if alone and (len(method.terms) > 1 or method.groups[0].gate):
        raise MethodError(f"{alone[0]!r} stands alone, without '+' and without a gate (in {spec!r})")
    for one, other in combinations(method.terms, 2):
        if shared := _shared_positions(one, other):
            raise MethodError(f"{one.name!r} sits at {', '.join(map(repr, shared))} twice in {spec!r}: say it once")
    return method


def _joined(groups: list[Group]) -> tuple[Group, ...]:
    """Neighbours behind the same kind of gate in one group, unless the gate weighs its group against itself."""
    joined: list[Group] = []
    for group in groups:
        last = joined[-1] if joined else None
        if last and last.gate == group.gate and not (group.gate and group.gate.entry.module.joint):
            joined[-1] = Group(last.terms + group.terms, last.gate)
        else:
            joined.append(group)
    return tuple(joined)


def _shared_positions(one: Term, other: Term) -> list[str]:
    """Where two terms would put the same module twice."""
    if one.name != other.name:
        return []
    if one.layers is not None and other.layers is not None and not set(one.layers) & set(other.layers):
        return []
    expanded = [[m for p in term.positions for m in GROUPS.get(p, (p,))] for term in (one, other)]
    return [p for p in expanded[0] if p in expanded[1]]


def _group(text: str) -> Group:
    before, star, after = text.partition("*")
    gate = _gate(before) if star else None
    inner = after if star else text
    if inner.startswith("[") and inner.endswith("]"):
        inner = inner[1:-1]
        if gate is None:
            raise MethodError(f"brackets follow a gate, as in sequence*[lora+prefix], not {text!r}")
        return Group(tuple(_term(each) for each in _PLUS.split(inner)), gate)
    return Group((_term(inner),), gate)


def _gate(text: str) -> GateTerm:
    match = _GATE.fullmatch(text)
    if match is None or match["name"] not in GATES:
        raise MethodError(f"no gate {text!r}; there are {', '.join(GATES)}")
    return GateTerm(match["name"], _arguments(match["name"], GATES[match["name"]], match["arguments"] or ""))


def _term(text: str) -> Term:
    match = _TERM.fullmatch(text)
    if match is None:
        raise MethodError(f"cannot read {text!r}: a method is name(argument=value,...)@positions:layers, "
                          "e.g. lora(rank=32,alpha=64)@q,v:0-5")  # fmt: skip
    name = match["name"]
    if name in RECIPES:
        raise MethodError(
            f"{name!r} stands for the whole of {RECIPES[name]!r}, and takes no arguments, positions, layers, gate or "
            "brackets: write that out, and change it there"
        )
    if name not in METHODS:
        close = get_close_matches(name.lower(), [*METHODS, *RECIPES], n=1)
        meant = f"; did you mean {close[0]!r}?" if close else ";"
        raise MethodError(f"no method {name!r}{meant} there are {', '.join([*METHODS, *RECIPES])}")
    entry = METHODS[name]
    positions = entry.positions
    if match["positions"]:
        asked = match["positions"].split(",")
        if wrong := [p for p in asked if p not in entry.allowed]:
            allowed = f"it may sit at {', '.join(entry.allowed)}" if entry.allowed else "it takes no position"
            raise MethodError(f"{name!r} cannot sit at {', '.join(map(repr, wrong))}; {allowed}")
        if len(set(asked)) < len(asked):
            raise MethodError(f"a position is said twice in {text!r}")
        positions = tuple(p for p in entry.allowed if p in asked)
    if match["layers"] and not (entry.allowed or entry.trains == "model"):
        raise MethodError(f"{name!r} takes no layers")
    layers = _layers(match["layers"]) if match["layers"] else None
    return Term(name, _arguments(name, entry, match["arguments"] or ""), positions, layers)


def _arguments(name: str, entry: Entry | GateEntry, text: str) -> tuple[tuple[str, Any], ...]:
    defaults, types = entry.defaults, entry.types
    given: dict[str, Any] = {}
    for item in filter(None, text.split(",")):
        key, _, value = item.partition("=")
        if key not in defaults:
            known = ", ".join(f"{k}={_show(v)}" for k, v in defaults.items()) or "none"
            raise MethodError(f"{name!r} has no argument {key!r}; arguments with their defaults: {known}")
        if key in given:
            raise MethodError(f"{name}: {key} is said twice")
        given[key] = _value(name, key, value, types[key], entry.ranges.get(key, Range()))
    return tuple((defaults | given).items())


def _value(name: str, key: str, text: str, kind: Any, valid: Range) -> Any:
    if kind is bool:
        kind = Literal["true", "false"]
        return _value(name, key, text, kind, valid) == "true"
    if get_origin(kind) is Literal:
        if text not in get_args(kind):
            raise MethodError(f"{name}: {key}={text!r} is not one of {', '.join(get_args(kind))}")
        return text
    try:
        value = kind(text)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise MethodError(f"{name}: {key}={text!r} is not {wanted}") from None
    if value not in valid:
        raise MethodError(f"{name}: {key}={text} is out of range ({valid})")
    return value


def _layers(text: str) -> tuple[int, ...]:
    if last := re.fullmatch(r"last([1-9]\d{0,2})", text):
        return tuple(range(-int(last[1]), 0))
    found: set[int] = set()
    for piece in text.split(","):
        match = re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", piece)
        if match is None or (match[2] and int(match[2]) < int(match[1])):
            raise MethodError(f"cannot read the layers {text!r}: give numbers and ranges, 0-5 or 0,2,4, or last4")
        found.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    return tuple(sorted(found))
