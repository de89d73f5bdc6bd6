"""The options that several commands share, and how their texts are read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from pelt_core.errors import PeltError
from pelt_core.study.grids import STUDIES
from pelt_core.study.presets import PRESETS

StudyName = Annotated[str, typer.Argument(metavar="STUDY", help=f"One of: {', '.join(STUDIES)}.")]
PresetName = Annotated[str, typer.Option("--preset", "-p", help=f"How much to spend: {', '.join(PRESETS)}, or a file.")]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="METHOD",
        help="Keep the method that the preset calls so, or else those whose short name or specification matches this "
        "with `*`. Repeatable.",
    ),
]
Seeds = Annotated[str | None, typer.Option("--seeds", help="Other seeds than the preset's: `0,1` or `0-4`.")]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="FIELD=VALUE",
        help="Keep runs with this value of a field, or with one of several: `task=sst2,qqp`. Repeatable.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Another value for a field of all runs. Repeatable."),
]
LedgerFolder = Annotated[
    Path | None,
    typer.Option("--ledger", help="Folder of the finished runs; by default the preset's.", show_default=False),
]
Workers = Annotated[int, typer.Option("--workers", "-w", min=1, help="Runs carried out at the same time.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


class BadOption(PeltError, ValueError):
    """An option's text cannot be understood."""


def parse_seeds(text: str | None) -> list[int] | None:
    """``"0,2-4"`` -> [0, 2, 3, 4].

    Raises:
        BadOption: the text has another form, or a range falls.
    """
    if text is None:
        return None
    if not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", text):
        raise BadOption(f"--seeds {text!r} cannot be read; write numbers and ranges such as 0,1 or 0-4")
    ends = [[int(end) for end in part.split("-")] for part in text.split(",")]
    for first, last in (end for end in ends if end[0] > end[-1]):
        raise BadOption(
            f"--seeds {text!r} has no seeds from {first} to {last}; write the lower one first: {last}-{first}"
        )
    return [seed for end in ends for seed in range(end[0], end[-1] + 1)]


def parse_settings(settings: list[str] | None) -> dict[str, str]:
    """``["epochs=2"]`` -> {"epochs": "2"}."""
    return _pairs("--set", settings, "backbone=tiny-llama")


def parse_where(where: list[str] | None) -> dict[str, list[str]]:
    """``["task=sst2,qqp"]`` -> {"task": ["sst2", "qqp"]}."""
    return {name: values.split(",") for name, values in _pairs("--where", where, "task=sst2,qqp").items()}


def _pairs(option: str, texts: list[str] | None, example: str) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts or []]
    for name, equals, _ in pairs:
        if not equals:
            raise BadOption(f"{option} {name!r} cannot be read; write FIELD=VALUE, e.g. {example}")
    return {name: value for name, _, value in pairs}
