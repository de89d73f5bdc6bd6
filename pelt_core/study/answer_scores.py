"""The recorded runs of studies of answers as tables: a line a run, and one measure of each item."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd

from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.run import AnswerRun
from pelt_core.study.scores import POINTS, names


class Measure(NamedTuple):
    """What is read from the records of items.

    Attributes:
        field: of a record.
        summary: of a row's metrics, the mean of that field by data set.
        scale: what a value of 1 is in `unit`.
        unit: of the measure.
        sign: 1 where more is better, -1 where less is.
    """

    field: str
    summary: str
    scale: float
    unit: str
    sign: int


MEASURES = {
    "loss": Measure("loss", "answer_loss", 1, "nats", -1),
    "accuracy": Measure("correct", "accuracy", POINTS, "points", 1),
    "accuracy_published": Measure("correct_published", "accuracy_published", POINTS, "points", 1),
    "equation": Measure("equation_correct", "accuracy_equation", POINTS, "points", 1),
    "label": Measure("label_correct", "accuracy_label", POINTS, "points", 1),
    "cloze": Measure("cloze_correct", "accuracy_cloze", POINTS, "points", 1),
    "text_loss": Measure("text_loss", "text_loss", 1, "nats", -1),
}
"""By name: the loss of worked answers, shares of answers that are right by several readings, and the loss of texts."""
CELL = ("method", "train", "prompt", "learning_rate", "epochs", "backbone")
"""What tells the cells of a study apart; a cell's runs differ by their seed."""


@dataclass(frozen=True, eq=False)
class AnswerScores:
    """The recorded part of one or several studies, by one measure.

    Attributes:
        runs: the whole grid.
        names: canonical specification -> the short name that the preset gives the method.
        rows: key -> ledger row of every recorded run.
        ledger: where the records of items are.
        measure: a name of `MEASURES`.
    """

    runs: tuple[AnswerRun, ...]
    names: dict[str, str]
    rows: dict[str, dict[str, Any]]
    ledger: Ledger = field(repr=False)
    measure: str = "loss"
    _items: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False)

    def by(self, measure: str) -> AnswerScores:
        """The same runs by another measure; nothing is read again."""
        return replace(self, measure=measure)

    @property
    def how(self) -> Measure:
        """The measure."""
        return MEASURES[self.measure]

    @property
    def missing(self) -> list[AnswerRun]:
        """The runs that nobody has recorded yet."""
        return [run for run in self.runs if run.key not in self.rows]

    @property
    def tasks(self) -> list[str]:
        """The data sets that the grid takes this measure on, in its order."""
        return list(dict.fromkeys(name for run in self.runs for name in measured(run, self.measure)))

    @cached_property
    def table(self) -> pd.DataFrame:
        """One line a finished run.

        Columns: `key`, those of `CELL`, `sources` of the mix, `seed`, `specification`; `score`, the mean of the measure
        over its data sets, in its unit, NaN for a run that does not take it; `trainable_parameters`, `training_rows`,
        `seconds`.
        """
        lines = [self._line(run) for run in self.runs if self.rows.get(run.key, {}).get("status") == "finished"]
        columns = ["key", *CELL, "sources", "seed", "specification", "score"]
        columns += ["trainable_parameters", "training_rows", "seconds"]
        return pd.DataFrame(lines, columns=columns)

    def values(self, task: str | Sequence[str] = (), **cell: Any) -> pd.DataFrame:
        """The measure of each item: one column a seed, one line an item, by (task, id), where a task is a data set.

        Items that one of the seeds lacks are left out. The untrained backbone has no seed: it is the same with all.

        Args:
            task: these data sets; all that the measure is taken on if empty.
            cell: columns of `table` and the value, or the list of values, that selects runs.

        Raises:
            ValueError: they leave several runs of one seed that take the measure, naming what still differs.
        """
        found = self._selected(cell)
        doubled = found[found.duplicated("seed", keep=False)]
        if len(doubled):
            differing = [name for name in CELL if doubled.groupby("seed")[name].nunique().max() > 1]
            raise ValueError(
                f"{cell} leaves several runs of one seed, which differ in {', '.join(differing) or 'sets'}"
            )
        wanted = [task] if isinstance(task, str) else list(task)
        columns: dict[int, pd.Series] = {}
        for line in found.itertuples():
            seeds = [line.seed] if line.train else sorted(set(self.table["seed"]))
            columns |= dict.fromkeys(seeds, self._of_run(line.key))
        if not columns:
            return pd.DataFrame()
        values = pd.DataFrame(columns).dropna().sort_index().sort_index(axis=1)
        return values[values.index.get_level_values("task").isin(wanted)] if wanted else values

    def items(self, key: str) -> pd.DataFrame:
        """The records of a finished run, one line an item; kept, as many comparisons read the same runs."""
        if key not in self._items:
            self._items[key] = pd.DataFrame(self.ledger.items(next(run for run in self.runs if run.key == key)))
        return self._items[key]

    def _selected(self, cell: dict[str, Any]) -> pd.DataFrame:
        found = self.table[self.table["score"].notna()]
        for name, value in cell.items():
            found = found[found[name].isin(value if isinstance(value, (list, tuple)) else [value])]
        return found

    def _of_run(self, key: str) -> pd.Series:
        items = self.items(key)
        own = items[items[self.how.field].notna()]
        index = pd.MultiIndex.from_arrays([own["set"], [sys.intern(item) for item in own["id"]]], names=["task", "id"])
        return pd.Series(self.how.scale * own[self.how.field].to_numpy(dtype=float), index)

    def _line(self, run: AnswerRun) -> dict[str, Any]:
        row = self.rows[run.key]
        of_sets = row["metrics"].get(self.how.summary, {})
        return {
            "key": run.key,
            **{name: getattr(run, name) for name in CELL},
            "method": self.names[run.method],
            "sources": run.sources,
            "seed": run.seed,
            "specification": run.method,
            "score": self.how.scale * float(np.mean(list(of_sets.values()))) if of_sets else np.nan,
            "trainable_parameters": row["trainable_parameters"],
            "training_rows": row.get("training_rows", 0),
            "seconds": sum(row["seconds"].values()),
        }


def measured(run: AnswerRun, measure: str) -> tuple[str, ...]:
    """The data sets that a run takes this measure on, as far as its fields tell."""
    if measure == "text_loss":
        return (run.texts,) if run.texts else ()
    return run.loss_sets if measure == "loss" else run.evaluate


def load(studies: Sequence[str], preset: str, ledger: Ledger, measure: str = "loss") -> AnswerScores:
    """What `ledger` holds of these studies of answers under a preset.

    Raises:
        UnknownStudy, UnknownPreset: what was asked for does not exist.
    """
    runs = dict.fromkeys(cast(AnswerRun, run) for study in studies for run in grid(study, preset))
    return AnswerScores(tuple(runs), names(studies, preset), ledger.recorded(runs), ledger, measure)
