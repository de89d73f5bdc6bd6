"""What a preset spends on a study: what its runs share, and the cells that it crosses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

from pelt_core.study.run import AnswerRun, ClassificationRun, Run


@dataclass(frozen=True)
class Budget(ABC):
    """What the runs of one study share under one preset.

    Attributes:
        shared: the fields of its runs that no cell of the study changes.
        cells: what the study crosses, as its preset says it, see the kinds of budgets.
        seeds: the seeds to train every cell with.
        ledger: the folder where the preset's runs are recorded.
    """

    shared: Mapping[str, Any]
    cells: Mapping[str, Any]
    seeds: tuple[int, ...]
    ledger: Path

    kind: ClassVar[type[Run]] = Run
    own: ClassVar[tuple[str, ...]] = ()
    """The fields of a run that its cell decides."""
    crossed: ClassVar[tuple[str, ...]] = ()
    """What a preset says of cells."""

    def complaint(self) -> str:
        """What keeps its cells from being crossed, or nothing."""
        methods = self.cells["methods"]
        if not isinstance(methods, dict):
            return "`methods` must be names of yours with what each means"
        for name, said in methods.items():
            if not isinstance(said, dict) or not isinstance(said.get("method"), str):
                return f"the method {name!r} needs `method`, its specification, such as lora@q,v"
            if lacking := [rate for rate in self.rates(said["method"]) if not isinstance(said.get(rate), list)]:
                return f"the method {name!r} needs `{lacking[0]}`, a list such as [1.0e-3]"
        return ""

    @staticmethod
    @abstractmethod
    def rates(method: str) -> tuple[str, ...]:
        """Which lists of learning rates a method of this specification has."""

    @abstractmethod
    def runs(self, seed: int) -> Iterator[Run]:
        """Every cell with one seed."""


class AnswerBudget(Budget):
    """Of questions and answers. `methods`: a name of ours -> `method`, its specification, and `learning_rate`, a list.

    The method `none` is the backbone as it is.
    """

    kind = AnswerRun
    own = ("method", "learning_rate", "seed", "data_sha256")
    crossed = ("methods",)

    @staticmethod
    def rates(method: str) -> tuple[str, ...]:
        """As in `Budget`."""
        return () if method == "none" else ("learning_rate",)

    def runs(self, seed: int) -> Iterator[Run]:
        """Every method at every rate with this seed; the untrained backbone, which has neither, as the same run."""
        for method in self.cells["methods"].values():
            if method["method"] == "none":
                nothing = dict.fromkeys(("learning_rate", "epochs", "batch_size", "warmup", "weight_decay", "seed"), 0)
                yield self._run("none", train="", **nothing)
            else:
                for rate in method["learning_rate"]:
                    yield self._run(method["method"], learning_rate=rate, seed=seed)

    def _run(self, method: str, **own: Any) -> Run:
        from pelt_core import data, specification

        values = {**self.shared, **own}
        named = dict.fromkeys([*values["evaluate"], *values["loss_sets"], *filter(None, [values["texts"]])])
        digest = data.digest(values["train"], tuple(named))
        return AnswerRun(method=str(specification.parse(method)), data_sha256=digest, **values)


class ClassificationBudget(Budget):
    """Of few examples. A study is the product of these, `examples` first, so that what is quick is done first.

    - `methods`: a name of ours -> `method`, its specification, and lists `learning_rate` and `head_learning_rate`;
    - `tasks`: name -> the splits to train and to test on;
    - `pooling`: name of a task -> list;
    - `examples`: number of rows -> epochs over them;
    - `train_head`: list.
    """

    kind = ClassificationRun
    own = (
        *("method", "learning_rate", "head_learning_rate", "seed", "shuffle", "data_sha256"),
        *("task", "train_from", "test_from", "examples", "epochs", "pooling", "train_head"),
    )
    crossed = ("methods", "tasks", "examples", "pooling", "train_head")

    @staticmethod
    def rates(method: str) -> tuple[str, ...]:
        """As in `Budget`."""
        return ("learning_rate", "head_learning_rate")

    def complaint(self) -> str:
        """As in `Budget`."""
        tasks, pooling = self.cells["tasks"], self.cells["pooling"]
        if not isinstance(tasks, dict) or not all(isinstance(two, list) and len(two) == 2 for two in tasks.values()):
            return "`tasks` must be names of tasks, each with two splits, such as sst2: [train, test]"
        if not isinstance(pooling, dict) or not all(isinstance(pooling.get(task), list) for task in tasks):
            return f"`pooling` must have a list for each of {', '.join(tasks)}, such as [mean]"
        if not isinstance(self.cells["examples"], dict):
            return "`examples` must be numbers of rows, each with its epochs, such as {100: 50}"
        if not isinstance(self.cells["train_head"], list):
            return "`train_head` must be a list, such as [true]"
        return super().complaint()

    def runs(self, seed: int) -> Iterator[Run]:
        """Every cell, with the sample of rows and the start that `seed` gives."""
        poolings = [(task, pooling) for task in self.cells["tasks"] for pooling in self.cells["pooling"][task]]
        cells = (self.cells["examples"].items(), poolings, self.cells["train_head"])
        for (examples, epochs), (task, pooling), train_head in product(*cells):
            for method in self.cells["methods"].values():
                for rate, head_rate in product(method["learning_rate"], method["head_learning_rate"]):
                    yield self._run(
                        task,
                        method["method"],
                        learning_rate=rate,
                        head_learning_rate=head_rate,
                        examples=examples,
                        epochs=epochs,
                        pooling=pooling,
                        train_head=train_head,
                        seed=seed,
                        shuffle=seed,
                    )

    def _run(self, task: str, method: str, **own: Any) -> Run:
        from pelt_core import data, specification
        from pelt_core.data.glue import tasks

        dataset, (train_from, test_from) = tasks.task(task).dataset, self.cells["tasks"][task]
        return ClassificationRun(
            method=str(specification.parse(method)),
            task=task,
            train_from=train_from,
            test_from=test_from,
            data_sha256=data.digest_of_splits({dataset: (train_from, test_from)}),
            **{**self.shared, **own},
        )
