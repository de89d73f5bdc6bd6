"""A run is a value: everything that decides a number, and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, ClassVar, get_type_hints

from pelt_core.errors import PeltError
from pelt_core.ranges import too_small

PRECISIONS = ("bf16", "fp32")


class BadRun(PeltError, ValueError):
    """A run has an unknown, missing or impossible field."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training and evaluation, described completely; what is common to all kinds.

    The study a run was made for is not part of it: a study decides no number, and the same run serves several.
    Nor are the workers, threads and folders that carried it out; those are in the provenance of its ledger row.

    Attributes:
        backbone: a name of `pelt_core.backbones.BACKBONES`, a folder, or a Hugging Face id.
        method: the method in its canonical spelling, ``str(pelt_core.specification.parse(text))``.
        data_sha256: digest of the pins of all the data that the run names.
        learning_rate: peak learning rate of AdamW.
        epochs: passes over the training rows.
        batch_size: training rows per optimiser step.
        warmup: optimiser steps of linear warm-up; a value below 1 is the fraction of all steps.
        weight_decay: AdamW's decoupled weight decay.
        max_length: the most tokens of a training example; what becomes of longer ones, the kind of run says.
        precision: ``"bf16"`` or ``"fp32"``, the type of the frozen backbone's weights.
        seed: of the module's start and the order of the training rows.
    """

    made_for: ClassVar[str]
    """What the backbone is loaded for, as `pelt_core.backbones.TASKS` calls it."""
    least: ClassVar[Mapping[str, float]] = {
        "learning_rate": 0,
        "warmup": 0,
        "weight_decay": 0,
        "max_length": 1,
        "seed": 0,
    }
    """The least that these fields can be, whether or not anything is trained."""
    later: ClassVar[Mapping[str, Any]] = {}
    """Fields that came when runs were recorded already, each with the value of those runs: it is left out of keys."""

    backbone: str
    method: str
    data_sha256: str
    learning_rate: float
    epochs: int
    batch_size: int
    warmup: float
    weight_decay: float
    max_length: int
    precision: str
    seed: int

    def __post_init__(self) -> None:
        kinds = get_type_hints(type(self))
        for field in fields(self):
            object.__setattr__(self, field.name, typed(field.name, getattr(self, field.name), kinds[field.name]))
        if self.precision not in PRECISIONS:
            raise BadRun(f"precision {self.precision!r} is unknown; there are: {', '.join(PRECISIONS)}")
        steps = dict.fromkeys(("epochs", "batch_size"), int(self.trains))
        if wrong := too_small(vars(self), {**self.least, **steps}):
            raise BadRun(f"there is no such run: {wrong}")

    @property
    def trains(self) -> bool:
        """Whether anything is trained at all."""
        return True

    @cached_property
    def key(self) -> str:
        """The run's name: the first 16 hexadecimal digits of the SHA-256 of its canonical JSON."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()[:16]

    @property
    def cell(self) -> dict[str, Any]:
        """The fields that tell it from the other runs of a study, but for its seed."""
        return {"method": self.method}

    def canonical_json(self) -> str:
        """All fields as JSON with sorted keys and no white space."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), allow_nan=False)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON types, tuples as lists; without those of `later` that have the value given there."""
        said = {name: value for name, value in asdict(self).items() if (name, value) not in self.later.items()}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Run:
        """The run that `to_dict` described, of the kind that has its fields.

        Raises:
            BadRun: a field is unknown, missing, or not of its type.
        """
        kind = ClassificationRun if "task" in values else AnswerRun
        names = [field.name for field in fields(kind)]
        unknown, missing = sorted(set(values) - set(names)), sorted(set(names) - set(values) - set(kind.later))
        if unknown or missing:
            complaints = [f"unknown {', '.join(unknown)}"] * bool(unknown) + [f"missing {', '.join(missing)}"] * bool(
                missing
            )
            raise BadRun(f"not a run: {'; '.join(complaints)}. The fields of a run are: {', '.join(names)}")
        return kind(**values)

    def __str__(self) -> str:
        return f"{self.key} {self.backbone} {' '.join(str(value) for value in self.cell.values())} seed {self.seed}"


@dataclass(frozen=True, kw_only=True)
class AnswerRun(Run):
    """A language model trained on questions with worked answers, and asked others.

    Longer training examples than `max_length` are left out.

    Attributes:
        train: the training mix, e.g. ``"gsm8k:500+mawps-clean:500"``; ``""`` leaves the backbone untrained. The seed
            chooses its rows.
        evaluate: data sets answered by generation and scored by accuracy.
        questions: at most so many questions of each set.
        loss_sets: those on which the loss of the worked answers is measured; ``"gsm8k/dev"`` are other questions of
            that set, see `pelt_core.data.evaluation_rows`.
        prompt: name and version of the prompt template.
        max_new_tokens: most tokens generated for one question.
        texts: a set of plain texts that has nothing to do with the training, on which the loss is measured too, see
            `pelt_core.study.forgetting`; ``""`` for none.
    """

    made_for = "causal-lm"
    least: ClassVar[Mapping[str, float]] = {**Run.least, "questions": 1, "max_new_tokens": 0}
    later: ClassVar[Mapping[str, Any]] = {"texts": ""}

    train: str
    evaluate: tuple[str, ...]
    questions: int
    loss_sets: tuple[str, ...]
    prompt: str = "alpaca@1"
    max_new_tokens: int
    texts: str = ""

    @property
    def trains(self) -> bool:
        """Whether there is a training mix."""
        return bool(self.train)

    @property
    def sources(self) -> str:
        """The sets of the training mix, whatever their numbers of rows: `gsm8k+mawps-clean`."""
        return "+".join(part.partition(":")[0] for part in self.train.split("+"))


@dataclass(frozen=True, kw_only=True)
class ClassificationRun(Run):
    """A classifier trained on a few examples of a task of GLUE (UniPELT, Mao et al. 2022, section 3.1).

    Texts are cut to `max_length` tokens.

    Attributes:
        task: name of a task in `pelt_core.data.glue.tasks`.
        train_from: the split that training and development rows are drawn from.
        test_from: the split that is tested on.
        examples: rows to train on; 0 for all that are left.
        shuffle: which sample of them.
        dev_rows: other rows, by which the best epoch is chosen.
        test_rows: at most so many rows are tested on, the same in every run.
        pooling: of the hidden states, see `pelt_core.classifier.Classifier`.
        train_head: whether the head is trained; if not, it stays as it was drawn.
        head_learning_rate: its peak rate.
        patience: epochs without a better score after which training ends; 0 for never.
    """

    made_for = "classification"
    least: ClassVar[Mapping[str, float]] = {
        **Run.least,
        **{"head_learning_rate": 0, "examples": 0, "shuffle": 0, "dev_rows": 1, "test_rows": 1, "patience": 0},
    }

    task: str
    train_from: str
    test_from: str
    examples: int
    shuffle: int
    dev_rows: int
    test_rows: int
    pooling: str
    train_head: bool
    head_learning_rate: float
    patience: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.method == "head" and not self.train_head:
            raise BadRun("the method 'head' trains the head alone, and train_head is false: nothing is left to train")

    @property
    def cell(self) -> dict[str, Any]:
        """As in `Run`."""
        varied = ("task", "examples", "pooling", "train_head", "learning_rate", "head_learning_rate")
        return {name: getattr(self, name) for name in varied} | super().cell


def typed(name: str, value: Any, kind: Any) -> Any:
    """The value as the field's type, so that `1` and `1.0`, or a list and a tuple, give one key.

    Raises:
        BadRun: it is of another type.
    """
    if kind == tuple[str, ...] and isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if kind in (int, str, bool) and isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    raise BadRun(f"field {name!r} of a run must be {getattr(kind, '__name__', kind)}, not {value!r}")
