"""The questions that learning rates are chosen by are others than those that are tested, in all studies of a preset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pelt_core.errors import PeltError


class OverlappingQuestions(PeltError, ValueError):
    """A preset chooses learning rates by questions that it tests."""


def refuse_overlap(studies: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
    """Sees that the two ends of a test split do not meet, see `pelt_core.data.evaluation_rows`.

    Args:
        studies: name of a study -> what the runs of each of its parts share, with `evaluate`, `loss_sets`, `questions`.

    Raises:
        OverlappingQuestions: names the set, both studies, and how many questions there are for both.
        UnknownDataset: there is no such set.
    """
    from pelt_core.data import catalogue, rows  # here, as `pelt --help` does without them

    most: dict[str, tuple[int, str]] = {}
    for study, parts in studies.items():
        for shared in parts:
            for name in {*shared["evaluate"], *shared["loss_sets"]}:
                most[name] = max(most.get(name, (0, "")), (shared["questions"], study))
    for name in most:
        own = name.removesuffix(rows.DEV)
        if own == name or own not in most:
            continue
        (chosen, recipe), (tested, study), there = most[name], most[own], catalogue.pin(own, "test").rows
        if chosen + tested > there:
            raise OverlappingQuestions(
                f"{study} tests {tested} questions of {own} and {recipe} chooses learning rates by {chosen} others, "
                f"and there are {there}: with fewer `questions` in one of them, no question serves both"
            )
