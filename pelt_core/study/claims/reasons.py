"""What limits a finding, in words."""

from __future__ import annotations

from collections.abc import Iterator

from pelt_core.study.claims.evidence import Aligned
from pelt_core.study.statistics import LEAST_SEEDS

ONE_SEED = "one seed: no verdict"


def of_tasks(silent: tuple[str, ...], aligned: Aligned) -> tuple[str, ...]:
    """Which tasks a comparison does not rest on, and why; and whether it rests on one seed."""
    return tuple(_of_tasks(silent, aligned))


def without_signal(silent: tuple[str, ...]) -> str:
    """Which tasks cannot test a claim."""
    return f"left out, as full fine-tuning does not leave the trivial baseline there: {', '.join(silent)}"


def _of_tasks(silent: tuple[str, ...], aligned: Aligned) -> Iterator[str]:
    if silent:
        yield without_signal(silent)
    if aligned.unseen:
        yield f"without finished runs: {', '.join(aligned.unseen)}"
    if aligned.fewer:
        yield f"left out, with one finished seed only: {', '.join(aligned.fewer)}"
    if silent and not aligned.tasks and not aligned.unseen:
        yield "no task is left that could test it"
    if 0 < aligned.seeds < LEAST_SEEDS:
        yield ONE_SEED
