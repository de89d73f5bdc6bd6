"""What limits a finding, in words."""

from __future__ import annotations

from collections.abc import Iterator

from pelt_core.study.claims.evidence import Aligned, Silent
from pelt_core.study.statistics import LEAST_SEEDS

ONE_SEED = "one seed: no verdict"


def of_tasks(aligned: Aligned) -> tuple[str, ...]:
    """Which tasks a comparison does not rest on, and why; and whether it rests on one seed."""
    return tuple(_of_tasks(aligned))


def without_signal(silent: Silent) -> Iterator[str]:
    """Which tasks cannot test a claim, a reason for each rule."""
    if silent.everywhere:
        said = ", ".join(silent.everywhere)
        yield f"left out, as full fine-tuning does not leave the trivial baseline there: {said}"
    if silent.here:
        said = ", ".join(silent.here)
        yield f"left out, as with so many examples no method leaves the trivial baseline there: {said}"


def _of_tasks(aligned: Aligned) -> Iterator[str]:
    yield from without_signal(aligned.silent)
    if aligned.outside:
        yield f"the study does not train what is compared there: {', '.join(aligned.outside)}"
    if aligned.unseen:
        yield f"without finished runs: {', '.join(aligned.unseen)}"
    if aligned.fewer:
        yield f"left out, with one finished seed only: {', '.join(aligned.fewer)}"
    if aligned.silent.tasks and not aligned.tasks and not aligned.unseen:
        yield "no task is left that could test it"
    if 0 < aligned.seeds < LEAST_SEEDS:
        yield ONE_SEED
