"""What a preset spends on a study: read from its file in `pelt_core/presets` and checked."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, get_type_hints

import yaml

from pelt_core.catalogue import full_name
from pelt_core.errors import PeltError
from pelt_core.study.budgets import AnswerBudget, Budget, ClassificationBudget
from pelt_core.study.held_out import refuse_overlap
from pelt_core.study.run import BadRun, typed


class UnknownPreset(PeltError, LookupError):
    """No preset, or no budget for a study, has that name."""


class BadPreset(PeltError, ValueError):
    """A preset sets a field that no run has, leaves one out, or has a value of another form."""


PRESETS = ("smoke", "laptop", "paper")
"""What there is to choose from, the cheapest first: each is a file."""
BUDGETS: dict[str, type[Budget]] = {"answers": AnswerBudget, "classification": ClassificationBudget}
"""The block of a preset that holds what the studies of a kind share -> their kind of budget."""


@cache
def presets() -> dict[str, Any]:
    """The presets of the library, as their files are."""
    folder = files("pelt_core").joinpath("presets")
    return {name: yaml.safe_load(folder.joinpath(f"{name}.yml").read_text(encoding="utf-8")) for name in PRESETS}


def budgets(preset: str, study: str, overrides: Mapping[str, str] | None = None) -> tuple[Budget, ...]:
    """What `preset` spends on the parts of `study`, one of most.

    A block of a study is laid over what its kind has in `common`, and each of the block's `parts`, if it has some, over
    both.

    Args:
        preset: a name of `PRESETS`, or a YAML file of the same form.
        study: a study that the preset has a block for.
        overrides: other values for shared fields, as YAML text: ``{"backbone": "tiny-llama", "epochs": "2"}``.

    Raises:
        UnknownPreset: there is no such preset, or it has no block for the study.
        BadPreset: a field is unknown or missing, or not of its form.
        OverlappingQuestions: learning rates would be chosen by questions that are tested.
    """
    said = block(preset)
    found = {name: kind for kind in BUDGETS for name in said[kind]["studies"]}
    if study not in found:
        raise UnknownPreset(f"preset {preset!r} has no block for study {study!r}; it has: {', '.join(found)}")
    kind, common = BUDGETS[found[study]], said[found[study]]
    given, ledger = {study: _parsed(kind, overrides or {})}, ledger_folder(preset)

    def of(name: str) -> tuple[Budget, ...]:
        own = {**common["common"], **common["studies"][name]}
        parts, where = own.pop("parts", [{}]), f"preset {preset!r}, study {name!r}"
        return tuple(_checked(kind, {**own, **part, **given.get(name, {})}, where, ledger) for part in parts)

    if kind is AnswerBudget:
        refuse_overlap({name: [part.shared for part in of(name)] for name in common["studies"]})
    return of(study)


def altered(preset: str, study: str, overrides: Mapping[str, str]) -> dict[str, Any]:
    """What the file of a preset would say if `study` had other values: its budgets are `budgets` with `overrides`.

    Raises:
        UnknownPreset, BadPreset, OverlappingQuestions: as `budgets`.
    """
    budgets(preset, study, overrides)
    said = deepcopy(block(preset))
    name = next(name for name in BUDGETS if study in said[name]["studies"])
    own, given = said[name]["studies"][study], _parsed(BUDGETS[name], overrides)
    for one in (own, *own.get("parts", [])):
        one.update(given)
    return said


def studies(preset: str) -> list[str]:
    """The studies that a preset has a block for.

    Raises:
        UnknownPreset: there is no such preset.
    """
    return [name for kind in BUDGETS for name in block(preset)[kind]["studies"]]


def ledger_folder(preset: str) -> Path:
    """Where the runs of a preset are recorded unless somebody says otherwise, relative to the working folder.

    Raises:
        UnknownPreset: there is no such preset.
    """
    return Path(block(preset)["ledger"])


def block(preset: str) -> dict[str, Any]:
    """What the file of a preset says.

    Raises:
        UnknownPreset: there is no such preset, or file.
        BadPreset: the file is no preset.
    """
    if is_file(preset):
        return _own(preset)
    if preset not in presets():
        raise UnknownPreset(
            f"there is no preset {preset!r}; choose one of: {', '.join(presets())}, or name a YAML file of your own, a "
            "changed copy of one in pelt_core/presets"
        )
    return presets()[preset]


def is_file(preset: str) -> bool:
    """Whether a preset is named by its file, and not by a name of `PRESETS`."""
    return Path(preset).suffix in (".yml", ".yaml")


@cache
def _own(path: str) -> dict[str, Any]:
    """A preset of the user's."""
    if not Path(path).is_file():
        raise UnknownPreset(f"there is no file {path!r} to read a preset from")
    try:
        read = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise BadPreset(f"{path} is no preset, as it is no YAML: {error}") from None
    wanted = ("ledger", *BUDGETS)
    if not isinstance(read, dict) or set(read) != set(wanted) or not isinstance(read["ledger"], str):
        raise BadPreset(f"{path} is no preset: it must have {', '.join(wanted)}, as the files in pelt_core/presets do")
    for kind in BUDGETS:
        shared, own = (read[kind].get(name) if isinstance(read[kind], dict) else None for name in ("common", "studies"))
        if not isinstance(shared, dict) or not isinstance(own, dict):
            raise BadPreset(f"{path}: {kind} must have `common` and `studies`, each with its fields; {{}} for none")
        if wrong := [name for name, said in own.items() if not _is_study(said)]:
            raise BadPreset(
                f"{path}: the study {wrong[0]!r} must be fields with values, and its `parts` a list of such"
            )
    return read


def _is_study(said: Any) -> bool:
    parts = said.get("parts", []) if isinstance(said, dict) else None
    return isinstance(parts, list) and all(isinstance(part, dict) for part in parts)


def _shared(kind: type[Budget]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind.kind) if field.name not in kind.own)


def _parsed(kind: type[Budget], overrides: Mapping[str, str]) -> dict[str, Any]:
    shared = _shared(kind)
    unknown = [name for name in overrides if name not in shared]
    if unknown:
        raise BadPreset(f"no run has a field {unknown[0]!r} to set; the fields are: {', '.join(shared)}")
    try:
        return {name: yaml.safe_load(text) for name, text in overrides.items()}
    except yaml.YAMLError as error:
        raise BadPreset(f"a value to set cannot be read as YAML: {error}") from None


def _checked(kind: type[Budget], values: dict[str, Any], where: str, ledger: Path) -> Budget:
    values = {**kind.kind.later, **values}
    wanted = (*_shared(kind), *kind.crossed, "seeds")
    unknown, missing = [name for name in values if name not in wanted], [name for name in wanted if name not in values]
    if unknown or missing:
        complaint = f"unknown field {unknown[0]!r}" if unknown else f"no value for {missing[0]!r}"
        raise BadPreset(f"{where}: {complaint}; the fields are: {', '.join(wanted)}")
    cells, seeds = {name: values.pop(name) for name in kind.crossed}, values.pop("seeds")
    if not isinstance(seeds, list):
        raise BadPreset(f"{where}: `seeds` must be a list, such as [0, 1], and is {seeds!r}")
    types = get_type_hints(kind.kind)
    try:
        for name, value in values.items():
            typed(name, value, types[name])
    except BadRun as error:
        raise BadPreset(f"{where}: {error}") from None
    values["backbone"] = full_name(values["backbone"])  # a run has one key, by whatever name it was asked for
    found = kind(values, cells, tuple(seeds), ledger)
    if complaint := found.complaint():
        raise BadPreset(f"{where}: {complaint}")
    return found
