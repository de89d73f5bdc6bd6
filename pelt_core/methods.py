"""The catalogue of methods, and the strings that specify one.

A method is a sum of terms, `name(argument=value, ...)@positions:layers`::

    lora(rank=32,alpha=64)@q,k,v,up,down
    series(bottleneck=64)@attn,mlp:0-5
    prefix(tokens=10)+parallel@mlp

Arguments, positions and layers that are left out take the method's defaults; without layers, every layer is meant.
A new method is one class in `pelt_core.modules` and one row here.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal, get_args, get_origin, get_type_hints

from torch import nn

from pelt_core.anatomy import KEYS_VALUES, LINEARS, SUBLAYERS
from pelt_core.errors import PeltError
from pelt_core.modules.bottleneck import Parallel, Series
from pelt_core.modules.tokens import Prefix
from pelt_core.modules.weights import LoRA


class MethodError(PeltError, ValueError):
    """A method specification that cannot be understood."""


@dataclass(frozen=True)
class Entry:
    """A row of the catalogue.

    Attributes:
        module: the class that is built as `module(site, **arguments)`; `None` for a method without modules.
        equation: what it computes, in one line.
        paper: key in `book/references.bib`.
        summary: what it is, in a few words.
        positions: where it sits unless the specification says otherwise.
        allowed: where it may sit.
        trains: its `modules` and the head of a task, the whole `model`, the `head` alone, or `nothing`.
        mergeable: whether it can be folded into the weights of the backbone.

    """

    module: type[nn.Module] | None
    equation: str
    paper: str
    summary: str
    positions: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    trains: Literal["modules", "model", "head", "nothing"] = "modules"
    mergeable: bool = False

    @property
    def defaults(self) -> dict[str, Any]:
        """Argument -> default value."""
        if self.module is None:
            return {}
        parameters = inspect.signature(self.module).parameters.values()
        return {p.name: p.default for p in parameters if p.default is not p.empty}


_SUBLAYERS = tuple(SUBLAYERS)
METHODS: dict[str, Entry] = {
    "series": Entry(
        Series,
        "y' = y + s (U φ(D y + b) + c)",
        "houlsby2019parameter",
        "bottleneck adapter after a sublayer or a linear map",
        positions=("attn", "mlp"),
        allowed=(*_SUBLAYERS, *LINEARS),
    ),
    "parallel": Entry(
        Parallel,
        "y' = y + s (U φ(D x + b) + c)",
        "he2022towards",
        "bottleneck adapter beside a sublayer or a linear map",
        positions=("mlp",),
        allowed=(*_SUBLAYERS, *LINEARS),
    ),
    "lora": Entry(
        LoRA,
        "y' = y + (α/r) B A x",
        "hu2022lora",
        "low-rank change of a weight matrix",
        positions=("q", "v"),
        allowed=LINEARS,
        mergeable=True,
    ),
    "prefix": Entry(
        Prefix,
        "K' = [P_K; K], V' = [P_V; V]",
        "li2021prefix",
        "trained keys and values in front of every attention",
        positions=(KEYS_VALUES,),
        allowed=(KEYS_VALUES,),
    ),
    "full": Entry(None, "θ' = θ + Δθ", "devlin2019bert", "every parameter of the backbone", trains="model"),
    "head": Entry(None, "y = W h", "devlin2019bert", "the output layer alone", trains="head"),
    "none": Entry(None, "y' = y", "", "the backbone as it is, untrained", trains="nothing"),
}


@dataclass(frozen=True)
class Term:
    """One module type, its arguments, and where it sits."""

    name: str
    arguments: tuple[tuple[str, Any], ...]
    positions: tuple[str, ...]
    layers: tuple[int, ...] | None = None

    @property
    def entry(self) -> Entry:
        """The catalogue row."""
        return METHODS[self.name]

    def __str__(self) -> str:
        default = self.entry.defaults
        said = ",".join(f"{name}={_show(value)}" for name, value in self.arguments if value != default[name])
        where = "@" + ",".join(self.positions) if self.positions else ""
        layers = ":" + ",".join(map(str, self.layers)) if self.layers is not None else ""
        return self.name + (f"({said})" if said else "") + where + layers


@dataclass(frozen=True)
class Method:
    """A sum of terms; `str` gives the one canonical specification, with every position and no default argument."""

    terms: tuple[Term, ...]

    def __str__(self) -> str:
        return "+".join(map(str, self.terms))

    @property
    def positions(self) -> tuple[str, ...]:
        """Every position that some term sits at, in the order of the terms."""
        return tuple(dict.fromkeys(p for term in self.terms for p in term.positions))


def _show(value: Any) -> str:
    return str(value).removesuffix(".0")


_TERM = re.compile(r"(?P<name>\w+)(?:\((?P<arguments>[^()]*)\))?(?:@(?P<positions>[\w,]+))?(?::(?P<layers>[\d,-]+))?")


def parse(spec: str) -> Method:
    """The method that `spec` describes.

    Raises:
        MethodError: for a wrong name, argument, value, position or layer range; says what is valid.

    """
    texts = _split_terms("".join(spec.split()))
    terms = tuple(_term(text) for text in texts)
    alone = [t.name for t in terms if t.entry.module is None]
    if alone and len(terms) > 1:
        raise MethodError(f"{alone[0]!r} stands alone and cannot be combined with '+' (in {spec!r})")
    for one, other in combinations(terms, 2):
        if shared := _shared_positions(one, other):
            raise MethodError(f"{one.name!r} sits at {', '.join(map(repr, shared))} twice in {spec!r}: say it once")
    return Method(terms)


def _shared_positions(one: Term, other: Term) -> list[str]:
    """Where two terms would put the same module twice."""
    if one.name != other.name:
        return []
    if one.layers is not None and other.layers is not None and not set(one.layers) & set(other.layers):
        return []
    return [p for p in one.positions if p in other.positions]


def _split_terms(spec: str) -> list[str]:
    """Cuts at '+', but not inside parentheses (`scale=1e+2`)."""
    return re.split(r"\+(?![^(]*\))", spec)


def _term(text: str) -> Term:
    match = _TERM.fullmatch(text)
    if match is None:
        raise MethodError(f"cannot read {text!r}: a method is name(argument=value,...)@positions:layers, "
                          "e.g. lora(rank=32,alpha=64)@q,v:0-5")  # fmt: skip
    name = match["name"]
    if name not in METHODS:
        raise MethodError(f"no method {name!r}; there are {', '.join(METHODS)}")
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
    if match["layers"] and not entry.allowed:
        raise MethodError(f"{name!r} takes no layers")
    layers = _layers(match["layers"]) if match["layers"] else None
    return Term(name, _arguments(name, match["arguments"] or ""), positions, layers)


def _arguments(name: str, text: str) -> tuple[tuple[str, Any], ...]:
    entry = METHODS[name]
    defaults = entry.defaults
    hints = get_type_hints(entry.module.__init__) if entry.module else {}
    given: dict[str, Any] = {}
    for item in filter(None, text.split(",")):
        key, _, value = item.partition("=")
        if key not in defaults:
            known = ", ".join(f"{k}={_show(v)}" for k, v in defaults.items()) or "none"
            raise MethodError(f"{name!r} has no argument {key!r}; arguments with their defaults: {known}")
        if key in given:
            raise MethodError(f"{name}: {key} is said twice")
        given[key] = _value(name, key, value, hints[key])
    return tuple((defaults | given).items())


def _value(name: str, key: str, text: str, hint: Any) -> Any:
    if get_origin(hint) is Literal:
        if text not in get_args(hint):
            raise MethodError(f"{name}: {key}={text!r} is not one of {', '.join(get_args(hint))}")
        return text
    try:
        value = hint(text)
    except ValueError:
        wanted = "a whole number" if hint is int else "a number"
        raise MethodError(f"{name}: {key}={text!r} is not {wanted}") from None
    low, high = (0.0, 0.99) if key == "dropout" else (1, float("inf")) if hint is int else (float("-inf"), float("inf"))
    if not low <= value <= high or abs(value) == float("inf"):
        raise MethodError(f"{name}: {key}={text} is out of range ({_show(low)} to {_show(high)})")
    return value


def _layers(text: str) -> tuple[int, ...]:
    found: set[int] = set()
    for piece in text.split(","):
        match = re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", piece)
        if match is None or (match[2] and int(match[2]) < int(match[1])):
            raise MethodError(f"cannot read the layers {text!r}: give numbers and ranges such as 0-5 or 0,2,4")
        found.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    return tuple(sorted(found))
