"""The recorded rows that claims are judged on: read once, aligned over cells, and without tasks that show nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from pelt_core.study.claims.published import PUBLISHED, read
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.presets import studies
from pelt_core.study.run import AnswerRun, Run
from pelt_core.study.scores import Scores, load
from pelt_core.study.signal import has_signal
from pelt_core.study.statistics import LEAST_SEEDS

EFFICIENCY = Path("benchmarks/results/efficiency.json")
"""What `python -m benchmarks.efficiency` measured, in a clone of the project."""
SIGNAL = ("low-resource", "glue-signal")
"""The studies that say on which tasks the backbone leaves the trivial baseline, the later one where both do."""


@dataclass(frozen=True)
class Aligned:
    """What several cells say of the same items and seeds.

    Attributes:
        frames: cell -> one line an item, by (task, id), one column a seed.
        tasks: those on which every cell is recorded.
        unseen: tasks that were wanted, and on which some cell is not recorded.
        fewer: tasks left out as they are recorded with one seed only, where others have several.
    """

    frames: dict[str, pd.DataFrame]
    tasks: tuple[str, ...]
    unseen: tuple[str, ...]
    fewer: tuple[str, ...]

    @property
    def seeds(self) -> int:
        """How many seeds all cells have."""
        return len(next(iter(self.frames.values())).columns) if self.tasks else 0

    @property
    def items(self) -> int:
        """How many items all cells have."""
        return len(next(iter(self.frames.values()))) if self.tasks else 0


@dataclass(eq=False)
class Evidence:
    """Rows of a preset, and the other results that claims are judged on.

    Attributes:
        preset: whose runs.
        ledger: where they are recorded.
        every_task: whether also tasks count on which full fine-tuning does not leave the trivial baseline.
        published, efficiency: the files with the papers' numbers and with our measured times.
    """

    preset: str
    ledger: Ledger
    every_task: bool = False
    published: Path = PUBLISHED
    efficiency: Path = EFFICIENCY
    _scores: dict[str, Scores] = field(default_factory=dict, repr=False)
    _values: dict[Any, pd.DataFrame] = field(default_factory=dict, repr=False)

    def of_every_task(self) -> Evidence:
        """The same rows, tasks without a signal included; nothing is read again."""
        return replace(self, every_task=True)

    def scores(self, study: str) -> Scores:
        """The recorded runs of a few-example study; none if the preset does not have it."""
        if study not in self._scores:
            known = study in studies(self.preset)
            self._scores[study] = load([study] if known else [], self.preset, self.ledger)
        return self._scores[study]

    @cached_property
    def papers(self) -> pd.DataFrame:
        """The published numbers."""
        return read(self.published)

    @cached_property
    def times(self) -> dict[str, Any] | None:
        """What was measured of the time of each method; None before it was."""
        return json.loads(self.efficiency.read_text()) if self.efficiency.exists() else None

    @cached_property
    def signal(self) -> dict[str, bool]:
        """Task -> whether it can test a claim, see `pelt_core.study.signal`; only tasks of which that is known."""
        return {task: said for study in SIGNAL for task, said in has_signal(self.scores(study)).items()}

    def runs(self, study: str) -> list[Run]:
        """The runs of a study, recorded or not; none if the preset does not have it."""
        return grid(study, self.preset) if study in studies(self.preset) else []

    def answered(self, run: AnswerRun) -> pd.DataFrame:
        """The records of a run of answers, one line an item; none if it is not recorded, or diverged."""
        if run.key not in self._values:
            recorded = self.ledger.has(run)
            self._values[run.key] = pd.DataFrame(self.ledger.items(run) if recorded else [])
        return self._values[run.key]

    def silent(self, study: str, tasks: Sequence[str] = ()) -> tuple[str, ...]:
        """The tasks that cannot test a claim, of those wanted or all of a study."""
        if self.every_task:
            return ()
        return tuple(task for task in self._wanted(study, tasks) if not self.signal.get(task, True))

    def aligned(self, study: str, cells: Mapping[str, Mapping[str, Any]], tasks: Sequence[str] = ()) -> Aligned:
        """What cells say of the items and seeds that all of them have, on tasks with a signal.

        Args:
            study: whose runs.
            cells: name -> columns of `Scores.table` and the value that selects its runs.
            tasks: on these; all of the study if empty.
        """
        silent = self.silent(study, tasks)
        wanted = [task for task in self._wanted(study, tasks) if task not in silent]
        by_task = {task: {name: self._of(study, task, cell) for name, cell in cells.items()} for task in wanted}
        seeds = {task: _common([frame.columns for frame in frames.values()]) for task, frames in by_task.items()}
        seen = [task for task in wanted if len(seeds[task])]
        several = [task for task in seen if len(seeds[task]) >= LEAST_SEEDS]
        used = several or seen
        shared = _common([seeds[task] for task in used])
        frames = {
            name: pd.concat([by_task[task][name].loc[_items(by_task[task]), shared] for task in used])
            for name in cells
            if used
        }
        return Aligned(
            frames=frames if len(shared) else {},
            tasks=tuple(used) if len(shared) else (),
            unseen=tuple(task for task in wanted if task not in seen),
            fewer=tuple(task for task in seen if task not in used),
        )

    def _wanted(self, study: str, tasks: Sequence[str]) -> list[str]:
        every = dict.fromkeys(run.task for run in self.scores(study).runs)
        return [task for task in every if task in tasks or not tasks]

    def _of(self, study: str, task: str, cell: Mapping[str, Any]) -> pd.DataFrame:
        key = (study, task, *sorted(cell.items()))
        if key not in self._values:
            self._values[key] = self.scores(study).values(task=task, **cell)
        return self._values[key]


def _common(indexes: Sequence[pd.Index]) -> pd.Index:
    found = pd.Index([])
    for number, index in enumerate(indexes):
        found = found.intersection(index) if number else index
    return found


def _items(frames: Mapping[str, pd.DataFrame]) -> pd.Index:
    return _common([frame.index for frame in frames.values()])
