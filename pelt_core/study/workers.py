"""Carrying out runs: in worker processes, each run by one process only, whatever fails."""

from __future__ import annotations

import gc
import multiprocessing
import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import filelock

from pelt_core import provenance
from pelt_core.errors import PeltError
from pelt_core.study.ledger import Ledger
from pelt_core.study.run import Run

Execute = Callable[[Run, Path], tuple[dict[str, Any], list[dict[str, Any]]]]
GRACE = 5.0  # seconds that an interrupted worker has to end by itself
CLAIM_PATIENCE = 0.5  # seconds: long enough for a `status` that only looks at the lock, short beside any run


class Claimed(PeltError, RuntimeError):
    """Another process is carrying out this run now."""


@dataclass(frozen=True)
class Outcome:
    """What became of one run.

    Attributes:
        run: which one.
        state: ``"finished"``, ``"diverged"``, ``"kept"`` (was recorded before), ``"claimed"`` (by another process that
            carries it out now) or ``"failed"``.
        row: what was recorded, if it was recorded now.
        error: why it failed.
    """

    run: Run
    state: str
    row: dict[str, Any] | None = None
    error: str = ""


def execute(run: Run, workdir: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Train and evaluate, importing the heavy libraries only now, in the process that needs them."""
    return _train_and_evaluate()(run, workdir)


@cache
def _train_and_evaluate() -> Execute:
    from pelt_core.study.execute import execute

    gc.freeze()  # each run collects garbage: that takes 0.2 s if it looks through the libraries again, 0.01 s if not
    return execute


def working_folder(ledger: Ledger, run: Run) -> Path:
    """Where an unfinished run keeps what it needs to resume."""
    return _aside(ledger, ".working") / run.key


def _aside(ledger: Ledger, name: str) -> Path:
    """A folder beside the rows that git does not see."""
    folder = ledger.folder / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n")
    return folder


@contextmanager
def claim(ledger: Ledger, run: Run, patience: float = CLAIM_PATIENCE) -> Iterator[None]:
    """Hold the run for this process. The operating system frees the claim of a process that dies.

    Raises:
        Claimed: another process of this machine holds it.
    """
    lock = _aside(ledger, ".locks") / f"{run.key}.lock"
    try:
        with filelock.FileLock(lock, timeout=patience):
            yield
    except filelock.Timeout:
        raise Claimed(f"run {run} is being carried out by another process") from None


def is_claimed(ledger: Ledger, run: Run) -> bool:
    """Whether some process is carrying out the run now."""
    if not (ledger.folder / ".locks" / f"{run.key}.lock").exists():
        return False
    try:
        with claim(ledger, run, patience=0):
            return False
    except Claimed:
        return True


def attempt(run: Run, ledger: Ledger, execute: Execute = execute) -> Outcome:
    """Carry out one run in this process, resuming what a killed process left, unless it is recorded or claimed."""
    if ledger.has(run):
        return Outcome(run, "kept")
    try:
        with claim(ledger, run):
            if ledger.has(run):
                return Outcome(run, "kept")
            ledger.sweep(run.key)
            workdir = working_folder(ledger, run)
            workdir.mkdir(parents=True, exist_ok=True)
            row, items = execute(run, workdir)
            row = {**row, "provenance": provenance.collect()}
            ledger.write(row, items)
            shutil.rmtree(workdir)
            return Outcome(run, row["status"], row)
    except Claimed:
        return Outcome(run, "claimed")


def run_study(
    runs: Sequence[Run],
    ledger: Ledger,
    workers: int = 1,
    threads: int = 1,
    report: Callable[[Outcome], None] = lambda outcome: None,
    execute: Execute = execute,
) -> list[Outcome]:
    """Carry out what the ledger lacks, in the given order, in worker processes.

    A run that fails or whose worker dies does not stop the others. Several calls, also from several terminals, share
    the work: each run is done once.

    Args:
        runs: what to carry out.
        ledger: where to record it.
        workers: how many runs at a time; `pelt_core.study.crew.crew` knows how many suit the machine.
        threads: processor threads of each worker.
        report: called in this process with every outcome, as it comes.
        execute: what carries out a run; importable by name from another process.

    Returns:
        The outcomes, in the order in which they came.
    """
    crew = threading.local()  # one worker process for each thread of the pool
    started: list[_Worker] = []

    def supervise(run: Run) -> Outcome:
        if ledger.has(run):
            return Outcome(run, "kept")
        if not getattr(crew, "worker", None):
            crew.worker = _Worker(ledger, threads, execute)
            started.append(crew.worker)
        outcome = crew.worker.attempt(run)
        if not crew.worker.process.is_alive():
            crew.worker = None
        return outcome

    outcomes = []
    pool = ThreadPoolExecutor(workers)
    try:
        for future in as_completed([pool.submit(supervise, run) for run in runs]):
            outcomes.append(future.result())
            report(outcomes[-1])
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in started:
            worker.stop()
        pool.shutdown()
    return outcomes


class _Worker:
    """A process that carries out one run after another, so that the libraries are imported once."""

    def __init__(self, ledger: Ledger, threads: int, execute: Execute) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would copy the state of torch and of other threads
        self.ledger = ledger
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, ledger, threads, execute), daemon=True)
        self.process.start()
        theirs.close()

    def attempt(self, run: Run) -> Outcome:
        try:
            self.pipe.send(run)
            return self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            return Outcome(run, "failed", error=f"its process died (exit code {self.process.exitcode}: out of memory?)")

    def stop(self) -> None:
        """Let the process end by itself, which it does unless it is in the middle of a run."""
        with suppress(OSError):
            self.pipe.send(None)
        self.process.join(GRACE)
        self.process.terminate()


def _serve(pipe: Connection, ledger: Ledger, threads: int, execute: Execute) -> None:
    """The life of a worker process: receive a run, carry it out, send the outcome, until told to stop or orphaned."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # read by torch when it is imported, further down
        os.environ[variable] = str(threads)
    provenance.source()
    while True:
        try:
            run = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        if run is None:
            return
        log = _aside(ledger, ".logs") / f"{run.key}.txt"
        with _output_into(log):
            try:
                outcome = attempt(run, ledger, execute)
            except Exception as error:
                traceback.print_exc()
                message = str(error) if isinstance(error, PeltError) else f"{type(error).__name__}: {error}"
                outcome = Outcome(run, "failed", error=f"{message} (log: {log})")
            except KeyboardInterrupt:
                return
        pipe.send(outcome)


@contextmanager
def _output_into(log: Path) -> Iterator[None]:
    """Send what the process prints, also from C++, to a file: many workers share one terminal."""
    with log.open("a") as file:
        print(time.strftime("%Y-%m-%d %H:%M:%S"), "process", os.getpid(), file=file, flush=True)
        streams = (sys.stdout, sys.stderr)
        saved = [os.dup(stream.fileno()) for stream in streams]
        for stream in streams:
            os.dup2(file.fileno(), stream.fileno())
        try:
            yield
        finally:
            for stream, original in zip(streams, saved, strict=True):
                stream.flush()
                os.dup2(original, stream.fileno())
                os.close(original)
