"""The records of the builds, and the names that the page gives to what is in them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SETS = {
    "gsm8k": "GSM8K",
    "mathqa": "MathQA",
    "mawps": "MAWPS",
    "mawps-single": "MAWPS-single",
    "boolq": "BoolQ",
    "piqa": "PIQA",
    "siqa": "SIQA",
    "hellaswag": "HellaSwag",
    "winogrande": "WinoGrande",
    "arc-easy": "ARC-Easy",
    "arc-challenge": "ARC-Challenge",
    "openbookqa": "OpenBookQA",
}
BUILDS = {"math10k": "Math10K", "math10k-clean": "Math10K, cleaned"}
ANNOTATED = "math10k/annotated"
CLEAN = "math10k-clean/annotated"


@dataclass(frozen=True)
class Builds:
    """What was built.

    Args:
        math: "<set>/<teacher>" -> the report of a build of Math10K, see `pelt_core.data.yields.summarise`.
        commonsense: variant -> what `pelt data build commonsense170k --json` printed.
    """

    math: dict[str, dict[str, Any]]
    commonsense: dict[str, dict[str, Any]]

    def rows(self, variant: str) -> dict[str, dict[str, Any]]:
        """Set -> the counts of one variant of Commonsense170K."""
        return {one["set"]: one for one in self.commonsense[variant]["sets"]}


def load(math10k: str | Path, commonsense170k: str | Path) -> Builds:
    """Read both records."""
    math, commonsense = (json.loads(Path(path).read_text(encoding="utf-8")) for path in (math10k, commonsense170k))
    return Builds(math, commonsense)


def source_name(source: str) -> str:
    """`MathQA, validation` for mathqa/validation."""
    name, _, split = source.partition("/")
    return f"{SETS[name]}, {split}"


def teacher_name(key: str, report: dict[str, Any]) -> str:
    """`annotated`; of a model, its name."""
    return str(report["teacher"].get("model") or report["teacher"].get("backbone") or key.partition("/")[2])


def build_name(key: str, report: dict[str, Any]) -> str:
    """`Math10K, annotated` for math10k/annotated; of a model, its name."""
    return f"{BUILDS[key.partition('/')[0]]}, {teacher_name(key, report)}"
