"""What a preset spends on a study: read from `presets.yml` and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from pelt_core.catalogue import full_name
from pelt_core.errors import PeltError
from pelt_core.study.run import Run


class UnknownPreset(PeltError, LookupError):
    """No preset, or no budget for a study, has that name."""


class BadPreset(PeltError, ValueError):
    """A preset sets a field that no run has, or leaves one out."""


@dataclass(frozen=True)
class Budget:
    """What the runs of one study share under one preset.

    Attributes:
        shared: the fields of `Run` that no cell of the study changes.
        methods: the modules to place, without positions, each with its learning rate.
        seeds: the seeds to train every cell with.
        ledger: the folder where the preset's runs are recorded.
    """

    shared: Mapping[str, Any]
    methods: Mapping[str, float]
    seeds: tuple[int, ...]
    ledger: Path

    def trained(self, method: str, learning_rate: float, seed: int) -> Run:
        """The run that trains this method."""
        return self._run(method, learning_rate=learning_rate, seed=seed)

    def untrained(self) -> Run:
        """The run that evaluates the backbone as it is. All that decides only training is 0, also the seed."""
        nothing = dict.fromkeys(("learning_rate", "epochs", "batch_size", "warmup", "weight_decay", "seed"), 0)
        return self._run("none", train="", **nothing)

    def _run(self, method: str, **own: Any) -> Run:
        from pelt_core import data, specification

        values = {**self.shared, **own}
        named = tuple(dict.fromkeys([*values["evaluate"], *values["loss_sets"]]))
        return Run(method=str(specification.parse(method)), data_sha256=data.digest(values["train"], named), **values)


PER_RUN = ("method", "learning_rate", "seed", "data_sha256")
SHARED = tuple(f.name for f in fields(Run) if f.name not in PER_RUN)


@cache
def presets() -> dict[str, Any]:
    """The presets file as it is."""
    return yaml.safe_load(files("pelt_core.study").joinpath("presets.yml").read_text(encoding="utf-8"))


def budget(preset: str, study: str, overrides: Mapping[str, str] | None = None) -> Budget:
    """What `preset` spends on `study`.

    Args:
        preset: a name in `presets.yml`.
        study: a study that the preset has a block for.
        overrides: other values for shared fields, as YAML text: ``{"backbone": "tiny-llama", "epochs": "2"}``.

    Raises:
        UnknownPreset: there is no such preset, or it has no block for the study.
        BadPreset: a field is unknown or missing.
    """
    block = _block(preset)
    studies = [name for name in block if name not in ("ledger", "common")]
    if study not in studies:
        raise UnknownPreset(f"preset {preset!r} has no block for study {study!r}; it has: {', '.join(studies)}")
    values = {**block["common"], **block[study], **_parsed(overrides or {})}
    return Budget(**_checked(values, f"preset {preset!r}, study {study!r}"), ledger=ledger_folder(preset))


def ledger_folder(preset: str) -> Path:
    """Where the runs of a preset are recorded unless somebody says otherwise, relative to the working folder.

    Raises:
        UnknownPreset: there is no such preset.
    """
    return Path(_block(preset)["ledger"])


def _block(preset: str) -> dict[str, Any]:
    if preset not in presets():
        raise UnknownPreset(f"there is no preset {preset!r}; choose one of: {', '.join(presets())}")
    return presets()[preset]


def _parsed(overrides: Mapping[str, str]) -> dict[str, Any]:
    unknown = [name for name in overrides if name not in SHARED]
    if unknown:
        raise BadPreset(f"no run has a field {unknown[0]!r} to set; the fields are: {', '.join(SHARED)}")
    return {name: yaml.safe_load(text) for name, text in overrides.items()}


def _checked(values: dict[str, Any], where: str) -> dict[str, Any]:
    wanted = (*SHARED, "methods", "seeds")
    unknown, missing = [name for name in values if name not in wanted], [name for name in wanted if name not in values]
    if unknown or missing:
        complaint = f"unknown field {unknown[0]!r}" if unknown else f"no value for {missing[0]!r}"
        raise BadPreset(f"{where}: {complaint}; the fields are: {', '.join(wanted)}")
    methods, seeds = values.pop("methods"), tuple(values.pop("seeds"))
    values["backbone"] = full_name(values["backbone"])  # a run has one key, by whatever name it was asked for
    return {"shared": values, "methods": methods, "seeds": seeds}
