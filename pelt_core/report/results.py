"""What the ledger holds of a grid, and what it does not hold yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from pelt_core.study.ledger import Ledger
from pelt_core.study.places import place
from pelt_core.study.run import AnswerRun

Measure = Literal["loss", "correct"]
"""`loss`: nats per answer token of one worked answer. `correct`: 0 or 1 for one generated answer."""
NOT_RUN, DIVERGED = "not run yet", "diverged"


@dataclass(frozen=True)
class Cell:
    """One method at one place; its runs differ only by their seed."""

    method: str
    placement: str
    runs: tuple[AnswerRun, ...] = field(repr=False)


@dataclass(frozen=True, eq=False)
class Results:
    """The recorded part of a grid.

    Attributes:
        runs: the whole grid.
        cells: the grid by method and place, in the grid's order.
        rows: key -> ledger row of every recorded run.
        items: key -> per-item records of every finished run.
    """

    runs: tuple[AnswerRun, ...]
    cells: tuple[Cell, ...]
    rows: dict[str, dict[str, Any]]
    items: dict[str, pd.DataFrame]

    @property
    def missing(self) -> list[AnswerRun]:
        """The runs that nobody has recorded yet."""
        return [run for run in self.runs if run.key not in self.rows]

    @property
    def base(self) -> Cell | None:
        """The untrained backbone, if the grid has it."""
        return next((cell for cell in self.cells if cell.method == "none"), None)

    @property
    def trained(self) -> list[Cell]:
        """Every cell but the base."""
        return [cell for cell in self.cells if cell.method != "none"]

    def cell(self, method: str, placement: str) -> Cell:
        """The cell of that method at that place."""
        return next(cell for cell in self.cells if (cell.method, cell.placement) == (method, placement))

    def finished(self, cell: Cell) -> list[AnswerRun]:
        """Those runs of a cell that have results; a diverged run has none."""
        return [run for run in cell.runs if run.key in self.items]

    def row(self, cell: Cell) -> dict[str, Any] | None:
        """The first recorded row of a cell."""
        return next((self.rows[run.key] for run in cell.runs if run.key in self.rows), None)

    def state(self, cell: Cell) -> str:
        """Why a cell has no estimate; empty if it has one."""
        if self.finished(cell):
            return ""
        return DIVERGED if self.row(cell) else NOT_RUN

    def sets(self, measure: Measure) -> tuple[str, ...]:
        """The data sets that a measure is taken on."""
        return self.runs[0].loss_sets if measure == "loss" else self.runs[0].evaluate

    def values(self, cell: Cell, measure: Measure, sets: Sequence[str] = ()) -> pd.DataFrame:
        """One column a finished seed, one line an item, by (set, id).

        Args:
            cell: which cell.
            measure: what is measured.
            sets: on these data sets; all that the measure is taken on if empty.
        """
        columns = {}
        for run in self.finished(cell):
            items = self.items[run.key]
            wanted = items[items["set"].isin(sets or self.sets(measure)) & items[measure].notna()]
            columns[run.seed] = wanted.set_index(["set", "id"])[measure].astype(float).sort_index()
        return pd.DataFrame(columns).dropna()

    def records(self, cell: Cell) -> pd.DataFrame:
        """The records of all finished seeds of a cell, one line an item and seed."""
        return pd.concat([self.items[run.key] for run in self.finished(cell)])

    @cached_property
    def gold(self) -> pd.DataFrame:
        """The right answer of every question, from the records."""
        frames = [items[["set", "id", "gold"]] for items in self.items.values()]
        return (
            pd.concat(frames).drop_duplicates(["set", "id"]) if frames else pd.DataFrame(columns=["set", "id", "gold"])
        )

    def majority(self, name: str) -> float:
        """Accuracy of always giving the commonest right answer of a data set; NaN before a run is recorded."""
        answers = self.gold.loc[self.gold["set"] == name, "gold"]
        return float(answers.value_counts(normalize=True).max()) if len(answers) else np.nan


def load(runs: Sequence[AnswerRun], ledger: Ledger) -> Results:
    """What `ledger` holds of a grid."""
    rows = {run.key: ledger.read([run])[0] for run in runs if ledger.has(run)}
    items = {
        run.key: pd.DataFrame(ledger.items(run))
        for run in runs
        if run.key in rows and rows[run.key]["status"] == "finished"
    }
    return Results(tuple(runs), _cells(runs), rows, items)


def _cells(runs: Sequence[AnswerRun]) -> tuple[Cell, ...]:
    by_place: dict[tuple[str, str], list[AnswerRun]] = {}
    for run in runs:
        by_place.setdefault(place(run.method), []).append(run)
    return tuple(Cell(method, placement, tuple(own)) for (method, placement), own in by_place.items())
