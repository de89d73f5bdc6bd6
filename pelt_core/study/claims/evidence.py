"""The recorded rows that claims are judged on: read once, aligned over cells, and without tasks that show nothing."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from pelt_core.study import answer_scores
from pelt_core.study.answer_scores import AnswerScores
from pelt_core.study.claims.published import PUBLISHED, read
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.presets import studies
from pelt_core.study.run import Run
from pelt_core.study.scores import Scores, load
from pelt_core.study.signal import has_signal, told_apart
from pelt_core.study.statistics import LEAST_SEEDS

EFFICIENCY = Path("benchmarks/results/efficiency.json")
"""What `python -m benchmarks.efficiency` measured, in a clone of the project."""
SIGNAL = ("low-resource", "glue-signal")
"""The studies that say on which tasks the backbone leaves the trivial baseline, the later one where both do."""


@dataclass(frozen=True)
class Silent:
    """Tasks that cannot test a claim, by the rule of `pelt_core.study.signal` that leaves them out.

    Attributes:
        everywhere: full fine-tuning with the most examples does not leave the trivial baseline.
        here: of the others, those on which no method does with the claim's number of examples.
    """

    everywhere: tuple[str, ...] = ()
    here: tuple[str, ...] = ()

    @property
    def tasks(self) -> tuple[str, ...]:
        """All of them."""
        return self.everywhere + self.here


@dataclass(frozen=True)
class Aligned:
    """What several cells say of the same items and seeds.

    Attributes:
        frames: cell -> one line an item, by (task, id), one column a seed.
        tasks: those on which every cell is recorded.
        unseen: tasks that were wanted, and on which some cell is not recorded.
        fewer: tasks left out as they are recorded with one seed only, where others have several.
        outside: tasks that were asked for, and on which the study does not train every cell.
        silent: tasks left out as they cannot test a claim.
    """

    frames: dict[str, pd.DataFrame]
    tasks: tuple[str, ...]
    unseen: tuple[str, ...]
    fewer: tuple[str, ...]
    outside: tuple[str, ...]
    silent: Silent

    @property
    def unrecorded(self) -> tuple[str, ...]:
        """What is missing where no task is left to compare on; nothing if they are all silent."""
        return () if self.tasks or (self.silent.tasks and not self.unseen) else ("rows of what is compared",)

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
        every_task: whether also tasks count that cannot test a claim, see `Silent`.
        published, efficiency: the files with the papers' numbers and with our measured times.
    """

    preset: str
    ledger: Ledger
    every_task: bool = False
    published: Path = PUBLISHED
    efficiency: Path = EFFICIENCY
    _scores: dict[str, Scores] = field(default_factory=dict, repr=False)
    _answers: dict[str, AnswerScores] = field(default_factory=dict, repr=False)
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

    def answers(self, study: str, measure: str) -> AnswerScores:
        """The recorded runs of a study of answers, by a measure; none if the preset does not have it."""
        if study not in self._answers:
            known = study in studies(self.preset)
            self._answers[study] = answer_scores.load([study] if known else [], self.preset, self.ledger)
        return self._answers[study].by(measure)

    def given(self, study: str, scores: AnswerScores) -> Evidence:
        """The same, with these runs of a study of answers instead of the preset's."""
        return replace(self, _answers={**self._answers, study: scores})

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
        """Task -> whether full fine-tuning leaves the trivial baseline there; only tasks of which that is known."""
        return {task: said for study in SIGNAL for task, said in has_signal(self.scores(study)).items()}

    def told_apart(self, study: str, examples: int | None) -> dict[str, bool]:
        """Task -> whether some method leaves the trivial baseline with so many examples, in this study or in `SIGNAL`.

        Without a number of examples: with any that the study has. Only tasks of which that is known.
        """
        sizes = {run.examples for run in self.scores(study).runs} if examples is None else {examples}
        found: dict[str, bool] = {}
        for name in dict.fromkeys((study, *SIGNAL)):
            for size in sizes:
                for task, said in told_apart(self.scores(name), size).items():
                    found[task] = said or found.get(task, False)
        return found

    def runs(self, study: str) -> list[Run]:
        """The runs of a study, recorded or not; none if the preset does not have it."""
        if study in self._answers:
            return list(self._answers[study].runs)
        return grid(study, self.preset) if study in studies(self.preset) else []

    def silent(self, study: str, tasks: Sequence[str], examples: int | None = None) -> Silent:
        """Which of these tasks cannot test a claim on runs of a study with so many examples."""
        if self.every_task:
            return Silent()
        told = self.told_apart(study, examples)
        everywhere = tuple(task for task in tasks if not self.signal.get(task, True))
        return Silent(everywhere, tuple(task for task in tasks if task not in everywhere and not told.get(task, True)))

    def trained(self, study: str, cells: Collection[Mapping[str, Any]], tasks: Sequence[str] = ()) -> list[str]:
        """The tasks on which the study trains every one of these cells, recorded or not; arguments as of `aligned`."""
        own = self.scores(study)
        return [
            task
            for task in dict.fromkeys(run.task for run in own.runs)
            if (task in tasks or not tasks) and all(own.has(task=task, **cell) for cell in cells)
        ]

    def aligned(
        self,
        study: str,
        cells: Mapping[str, Mapping[str, Any]],
        tasks: Sequence[str] = (),
        examples: int | None = None,
    ) -> Aligned:
        """What cells say of the items and seeds that all of them have, on tasks that can test a claim.

        Args:
            study: whose runs.
            cells: name -> columns of `Scores.table` and the value that selects its runs.
            tasks: on these; all of the study if empty.
            examples: of the cells, see `silent`.
        """
        trained = self.trained(study, list(cells.values()), tasks)
        silent = self.silent(study, trained, examples)
        wanted = [task for task in trained if task not in silent.tasks]
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
            outside=tuple(task for task in tasks if task not in trained),
            silent=silent,
        )

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
