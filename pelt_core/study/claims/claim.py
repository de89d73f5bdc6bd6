"""Claims as data: read from `claims.yml` and checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from pelt_core.errors import PeltError


class UnknownClaim(PeltError, LookupError):
    """No claim has that id."""


class BadClaim(PeltError, ValueError):
    """A claim in `claims.yml` has an unknown or missing field."""


@dataclass(frozen=True)
class Claim:
    """One claim of a paper, and the comparison that tests it; most fields are explained in `claims.yml`.

    Claims that `for` makes of one entry share their `group` and differ in the `condition`, which is its value as text.
    """

    id: str
    title: str
    paper: str
    where: str
    says: str
    tested: str
    test: Mapping[str, Any]
    study: str = ""
    published: Mapping[str, str] = field(default_factory=dict)
    family: str = ""
    group: str = ""
    condition: str = ""


@cache
def claims() -> tuple[Claim, ...]:
    """All claims, in the order of the file.

    Raises:
        BadClaim: one lacks a field, has an unknown one, or the id or title of another.
    """
    text = files("pelt_core.study.claims").joinpath("claims.yml").read_text(encoding="utf-8")
    return tuple(parsed(yaml.safe_load(text)))


def parsed(entries: Sequence[Mapping[str, Any]]) -> list[Claim]:
    """The claims of a file's entries; raises what `claims` does."""
    found = [_claim(values) for entry in entries for values in _each(entry)]
    for name in ("id", "title"):
        values = [getattr(claim, name) for claim in found]
        if doubled := sorted({value for value in values if values.count(value) > 1}):
            raise BadClaim(f"several claims have the {name} {doubled[0]!r}; give each its own")
    return found


def chosen(ids: Sequence[str]) -> tuple[Claim, ...]:
    """The claims with these ids, all if there are none.

    Raises:
        UnknownClaim: an id does not exist.
    """
    known = {claim.id: claim for claim in claims()}
    if unknown := [name for name in ids if name not in known]:
        raise UnknownClaim(f"there is no claim {unknown[0]!r}; choose among: {', '.join(known)}")
    return tuple(known[name] for name in ids) or claims()


def _each(entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The entry itself, or one for each value of its `for`."""
    values = dict(entry)
    for name, options in values.pop("for", {}).items():
        group = values["id"].replace(f"-{{{name}}}", "")
        shared = {"family": group, **values, "group": group}
        for option in options:
            yield _filled({**shared, "condition": f"{option}"}, name, option)
        return
    yield values


def _filled(value: Any, name: str, option: Any) -> Any:
    """The same with `{name}` replaced; a text that is nothing else becomes the option itself."""
    match value:
        case str():
            return option if value == f"{{{name}}}" else value.replace(f"{{{name}}}", str(option))
        case dict():
            return {_filled(key, name, option): _filled(inner, name, option) for key, inner in value.items()}
        case list():
            return [_filled(inner, name, option) for inner in value]
    return value


def _claim(values: Mapping[str, Any]) -> Claim:
    names = [one.name for one in fields(Claim)]
    needed = ("id", "title", "paper", "where", "says", "tested", "test")
    unknown, missing = [name for name in values if name not in names], [name for name in needed if name not in values]
    if unknown or missing:
        complaint = f"unknown field {unknown[0]!r}" if unknown else f"no {missing[0]!r}"
        raise BadClaim(f"claim {values.get('id', '?')!r}: {complaint}; the fields are: {', '.join(names)}")
    return Claim(**{"family": values["id"], "group": values["id"], **values})
