"""A run is a value: everything that decides a number, and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, get_type_hints

from pelt_core.errors import PeltError

PRECISIONS = ("bf16", "fp32")


class BadRun(PeltError, ValueError):
    """A run has an unknown, missing or impossible field."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training and evaluation, described completely.

    The study a run was made for is not part of it: a study decides no number, and the same run serves several.
    Nor are the workers, threads and folders that carried it out; those are in the provenance of its ledger row.

    Attributes:
        backbone: a name of `pelt_core.backbones.BACKBONES`, a folder, or a Hugging Face id.
        method: the method in its canonical spelling, ``str(pelt_core.methods.parse(text))``.
        train: the training mix, e.g. ``"gsm8k:500+mawps-clean:500"``; ``""`` leaves the backbone untrained.
        evaluate: data sets answered by generation and scored by accuracy.
        questions: at most so many questions of each of them.
        loss_sets: those of `evaluate` on which also the loss of the worked answers is measured.
        data_sha256: digest of the pins of all the data named above, `pelt_core.data.digest`.
        prompt: name and version of the prompt template.
        learning_rate: peak learning rate of AdamW.
        epochs: passes over the training rows.
        batch_size: training rows per optimiser step.
        warmup: optimiser steps of linear warm-up; a value below 1 is the fraction of all steps.
        weight_decay: AdamW's decoupled weight decay.
        max_length: longer training examples and worked answers are cut to so many tokens.
        max_new_tokens: most tokens generated for one question.
        precision: ``"bf16"`` or ``"fp32"``, the type of the frozen backbone's weights.
        seed: of the module's start, the choice of training rows and their order.
    """

    backbone: str
    method: str
    train: str
    evaluate: tuple[str, ...]
    questions: int
    loss_sets: tuple[str, ...]
    data_sha256: str
    prompt: str = "alpaca@1"
    learning_rate: float
    epochs: int
    batch_size: int
    warmup: float
    weight_decay: float
    max_length: int
    max_new_tokens: int
    precision: str
    seed: int

    def __post_init__(self) -> None:
        kinds = get_type_hints(Run)
        for field in fields(self):
            object.__setattr__(self, field.name, _typed(field.name, getattr(self, field.name), kinds[field.name]))
        if self.precision not in PRECISIONS:
            raise BadRun(f"precision {self.precision!r} is unknown; there are: {', '.join(PRECISIONS)}")
        if beyond := [name for name in self.loss_sets if name not in self.evaluate]:
            raise BadRun(f"loss_sets has {beyond[0]!r}, which is not evaluated: {', '.join(self.evaluate)}")

    @property
    def key(self) -> str:
        """The run's name: the first 16 hexadecimal digits of the SHA-256 of its canonical JSON."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()[:16]

    def canonical_json(self) -> str:
        """All fields as JSON with sorted keys and no white space."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), allow_nan=False)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON types, tuples as lists."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Run:
        """The run that `to_dict` described.

        Raises:
            BadRun: a field is unknown, missing, or not of its type.
        """
        names = [field.name for field in fields(cls)]
        unknown, missing = sorted(set(values) - set(names)), sorted(set(names) - set(values))
        if unknown or missing:
            complaints = [f"unknown {', '.join(unknown)}"] * bool(unknown) + [f"missing {', '.join(missing)}"] * bool(
                missing
            )
            raise BadRun(f"not a run: {'; '.join(complaints)}. The fields of a run are: {', '.join(names)}")
        return cls(**values)

    def __str__(self) -> str:
        return f"{self.key} {self.backbone} {self.method} seed {self.seed}"


def _typed(name: str, value: Any, kind: Any) -> Any:
    """The value as the field's type, so that `1` and `1.0`, or a list and a tuple, give one key."""
    if kind == tuple[str, ...] and isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if kind in (int, str) and isinstance(value, kind) and not isinstance(value, bool):
        return value
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    raise BadRun(f"field {name!r} of a run must be {getattr(kind, '__name__', kind)}, not {value!r}")
