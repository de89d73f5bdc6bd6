"""How many runs at a time, with how many threads each: by what the machine has, and by no clock."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import psutil
import torch

from pelt_core.study.footprint import memory
from pelt_core.study.run import Run

PROCESS_BYTES = 0.7e9  # of a worker with its libraries, before it has a model
FRAGMENTS = 1.5  # what a process holds for each byte in use, as the C library keeps freed blocks that lie in between


@dataclass(frozen=True)
class Crew:
    """So many worker processes, each with so many processor threads."""

    workers: int
    threads: int

    def __str__(self) -> str:
        return f"{self.workers} at a time, {self.threads} thread{'s' * (self.threads > 1)} each"


def crew(runs: Sequence[Run], workers: int | None = None, threads: int | None = None) -> Crew:
    """What is not given is chosen: a run on each core, as far as there are runs and memory; on an accelerator, one run.

    Two cores do two runs of one thread sooner than one after the other with two threads each, as little of a step is
    large enough to share; and two runs of two threads each get in each other's way.

    What is left to do and the memory that is free do not count: a run that goes on after an interruption has the
    threads that it began with, and ends in the same bits.

    Args:
        runs: the whole grid, at least one run.
        workers: how many at a time.
        threads: of each; by default the cores are shared out evenly.
    """
    cores = _cores()
    if workers is None:
        workers = 1 if torch.accelerator.is_available() else max(1, min(cores // (threads or 1), len(runs)))
        if workers > 1:
            workers = max(1, min(workers, int(_memory() // max(map(_need, runs)))))
    return Crew(workers, threads or max(1, cores // workers))


def _need(run: Run) -> float:
    return PROCESS_BYTES + FRAGMENTS * memory(run)


def _cores() -> int:
    """Processor cores that this process may use; two hardware threads of one core count once."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, psutil.cpu_count(logical=False) or allowed)


def _memory() -> int:
    """Bytes that the machine has."""
    return int(psutil.virtual_memory().total)
