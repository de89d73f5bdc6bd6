"""The recorded runs of few-example studies as tables: a line a run, and what each tested item adds to the score."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import numpy as np
import pandas as pd

from pelt_core import specification
from pelt_core.data.glue.metrics import baselines
from pelt_core.data.glue.tasks import task
from pelt_core.study.grids import grid
from pelt_core.study.influence import influence
from pelt_core.study.ledger import Ledger
from pelt_core.study.presets import budgets
from pelt_core.study.run import ClassificationRun

POINTS = 100
"""A score of 1 in the points that papers print."""
CELL = ("task", "method", "examples", "pooling", "train_head", "learning_rate", "head_learning_rate")
"""What tells the cells of a study apart; a cell's runs differ by their seed."""


@dataclass(frozen=True, eq=False)
class Scores:
    """The recorded part of one or several studies.

    Attributes:
        runs: the whole grid.
        names: canonical specification -> the short name that the preset gives the method, e.g. `apl`.
        rows: key -> ledger row of every recorded run.
        ledger: where the records of items are.
    """

    runs: tuple[ClassificationRun, ...]
    names: dict[str, str]
    rows: dict[str, dict[str, Any]]
    ledger: Ledger = field(repr=False)
    _added: dict[str, pd.Series] = field(default_factory=dict, repr=False)

    @property
    def missing(self) -> list[ClassificationRun]:
        """The runs that nobody has recorded yet."""
        return [run for run in self.runs if run.key not in self.rows]

    @cached_property
    def table(self) -> pd.DataFrame:
        """One line a finished run.

        Columns: `key`, those of `CELL`, `seed`, `backbone`; `score` and `dev_score` in points of the task's metric,
        `accuracy` and `loss` on test rows, `best_epoch`, `trainable_parameters`, `seconds`.
        """
        lines = [self._line(run) for run in self.runs if self._finished(run)]
        columns = ("key", *CELL, "seed", "backbone", "score", "dev_score", "accuracy", "loss")
        return pd.DataFrame(lines, columns=[*columns, "best_epoch", "trainable_parameters", "seconds"])

    def has(self, **cell: Any) -> bool:
        """Whether a run of the grid, recorded or not, has these fields; `method` is the short name."""
        return any(all(self.field(run, name) == value for name, value in cell.items()) for run in self.runs)

    def field(self, run: ClassificationRun, name: str) -> Any:
        """A field of a run; of its method, the short name."""
        return self.names[run.method] if name == "method" else getattr(run, name)

    def values(self, **cell: Any) -> pd.DataFrame:
        """What each tested item adds to the score, in points: one column a seed, one line an item, by (task, id).

        The mean of a task's lines is its score, see `pelt_core.study.influence`. Seeds that one of the tasks lacks are
        left out of all.

        Args:
            cell: columns of `table` and the value, or the list of values, that selects runs; together they must leave
                one run a task and seed.

        Raises:
            ValueError: they leave several, naming what still differs.
        """
        found = self._selected(cell)
        doubled = found[found.duplicated(["task", "seed"], keep=False)]
        if len(doubled):
            differing = [name for name in CELL if doubled.groupby(["task", "seed"])[name].nunique().max() > 1]
            raise ValueError(f"{cell} leaves several runs of one task and seed, which differ in {', '.join(differing)}")
        frames = {str(name): self._of_task(str(name), own) for name, own in found.groupby("task", sort=True)}
        return pd.concat(frames, names=["task", "id"], join="inner") if frames else pd.DataFrame()

    def baseline(self, name: str) -> float:
        """The best score on a task, in points, without reading: the majority's, or all positive; NaN without rows."""
        return self._baselines.get(name, np.nan)

    @cached_property
    def _baselines(self) -> dict[str, float]:
        """By task, on the rows that its first finished run was tested on; asked for often, and each costs a file."""
        first = self.table.drop_duplicates("task")
        return {name: self._best_guess(name, key) for name, key in zip(first["task"], first["key"], strict=True)}

    def _best_guess(self, name: str, key: str) -> float:
        labels = [item["gold"] for item in self._items(key)]
        return POINTS * max(value for guess in baselines(name, labels).values() for value in guess.values())

    def _selected(self, cell: dict[str, Any]) -> pd.DataFrame:
        found = self.table
        for name, value in cell.items():
            found = found[found[name].isin(value if isinstance(value, (list, tuple)) else [value])]
        return found

    def _of_task(self, name: str, own: pd.DataFrame) -> pd.DataFrame:
        columns = {seed: self._of_run(name, key) for key, seed in zip(own["key"], own["seed"], strict=True)}
        return pd.DataFrame(columns).sort_index(axis=1)

    def _of_run(self, name: str, key: str) -> pd.Series:
        """By item; kept, as many comparisons read the same runs."""
        if key not in self._added:
            items = pd.DataFrame(self._items(key))
            index = pd.Index([sys.intern(item) for item in items["id"]], name="id")
            self._added[key] = pd.Series(POINTS * influence(name, items["extracted"], items["gold"]), index)
        return self._added[key]

    def _items(self, key: str) -> list[dict[str, Any]]:
        return self.ledger.items(next(run for run in self.runs if run.key == key))

    def _finished(self, run: ClassificationRun) -> bool:
        return run.key in self.rows and self.rows[run.key]["status"] == "finished"

    def _line(self, run: ClassificationRun) -> dict[str, Any]:
        row = self.rows[run.key]
        measure = task(run.task).metric
        return {
            "key": run.key,
            **{name: getattr(run, name) for name in CELL},
            "method": self.names[run.method],
            "seed": run.seed,
            "backbone": run.backbone,
            "score": POINTS * row["metrics"][measure][run.task],
            "dev_score": POINTS * max(epoch[measure] for epoch in row["dev"] if epoch[measure] is not None),
            "accuracy": POINTS * row["metrics"].get("accuracy", {}).get(run.task, np.nan),
            "loss": row["metrics"]["loss"][run.task],
            "best_epoch": row["best_epoch"],
            "trainable_parameters": row["trainable_parameters"],
            "seconds": sum(row["seconds"].values()),
        }


def load(studies: Sequence[str], preset: str, ledger: Ledger) -> Scores:
    """What `ledger` holds of these few-example studies under a preset.

    Raises:
        UnknownStudy, UnknownPreset: what was asked for does not exist.
    """
    runs = dict.fromkeys(cast(ClassificationRun, run) for study in studies for run in grid(study, preset))
    return Scores(tuple(runs), names(studies, preset), ledger.recorded(runs), ledger)


def names(studies: Sequence[str], preset: str) -> dict[str, str]:
    """Canonical specification -> the short name of each method of these studies."""
    parts = [part for study in studies for part in budgets(preset, study)]
    return {
        str(specification.parse(method["method"])): name
        for part in reversed(parts)
        for name, method in part.cells["methods"].items()
    }
