"""The record of an audit, with what the page asks of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

FAMILIES = {"arithmetic": "Arithmetic", "commonsense": "Commonsense", "glue": "GLUE"}
KEYS = {
    "exact": "Exact",
    "normalised": "Letters and digits",
    "masked": "Numbers masked",
    "near": "Near",
}
"""Key of an overlap -> how the page calls it."""


@dataclass(frozen=True)
class Record:
    """What `pelt_core.data.audit.report.audit` found, as it describes it."""

    found: dict[str, Any]

    @cached_property
    def _sets(self) -> dict[tuple[str, str], dict[str, Any]]:
        return {(one["role"], one["title"]): one for one in self.found["sets"]}

    @cached_property
    def _overlaps(self) -> dict[tuple[str, str], dict[str, Any]]:
        return {(one["training"], one["evaluation"]): one for one in self.found["overlaps"]}

    def one(self, role: str, title: str) -> dict[str, Any]:
        """The description of a set; `role` is "train" or "evaluation"."""
        return self._sets[role, title]

    def sets(self, role: str, family: str = "") -> list[dict[str, Any]]:
        """The sets of a role and, if one is named, of a family, in the order of the record."""
        return [one for one in self.found["sets"] if one["role"] == role and family in ("", one["family"])]

    def shared(self, training: str, evaluation: str, key: str) -> int:
        """How many items of the evaluation set the training set has."""
        overlap = self._overlaps.get((training, evaluation))
        return int(overlap[key]) if overlap else 0

    def share(self, training: str, evaluation: str, key: str) -> float:
        """The same, as a share of the evaluation set."""
        return self.shared(training, evaluation, key) / int(self.one("evaluation", evaluation)["rows"])


def load(path: str | Path) -> Record:
    """Read the record that `pelt data audit --json` wrote."""
    return Record(json.loads(Path(path).read_text(encoding="utf-8")))


def called(one: dict[str, Any]) -> str:
    """A set's title, with a star if only a part of it was to be had."""
    return f"{one['title']}{'*' * bool(one['whole_rows'])}"
