"""Contenders in processes of their own, all alive at once, that take turns: one repeat of each, then the next of each.

So whatever slows the machine down for a while slows all of them down, and each has a memory and an environment of its
own. Who waits sleeps in a read, and costs nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from pelt_core.errors import PeltError

ROOT = Path(__file__).resolve().parents[1]
_LAST_WORDS = 1500  # characters


class ContenderFailed(PeltError, RuntimeError):
    """The process of a contender ended before its work was done; the message has its last words."""


@dataclass(frozen=True)
class Contender:
    """Something to measure.

    Attributes:
        name: how it is called in the results.
        module: what its process runs, `python -m module settings`.
        settings: what that process is told at its start. Contenders of equal module, settings and python share one.
        turn: what it is told at each turn.
        python: the interpreter, which decides on the environment.

    """

    name: str
    module: str
    settings: dict[str, Any]
    turn: dict[str, Any] = field(default_factory=dict)
    python: str = sys.executable

    @property
    def command(self) -> tuple[str, ...]:
        """What starts its process."""
        return (self.python, "-m", self.module, json.dumps(self.settings, sort_keys=True))


@dataclass
class Measured:
    """What a contender answered: about itself, in its warm-up if it had one, and in each of the repeats that count."""

    facts: dict[str, Any]
    warm_up: dict[str, Any]
    repeats: list[dict[str, Any]]


class _Process:
    def __init__(self, command: Sequence[str], threads: int, words: IO[str]) -> None:
        self.command, self.words = command, words
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={
                **os.environ,
                "OMP_NUM_THREADS": str(threads),
                "HF_HUB_OFFLINE": "1",
                "TOKENIZERS_PARALLELISM": "false",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=words,
            text=True,
        )

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        if line := self.process.stdout.readline():
            return json.loads(line)
        self.words.seek(0)
        raise ContenderFailed(
            f"{' '.join(self.command)} ended with {self.process.wait()}:\n" + self.words.read()[-_LAST_WORDS:]
        )

    def turn(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(asked) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has died; `hear` says of what
        return self.hear()


@contextmanager
def _running(command: Sequence[str], threads: int) -> Iterator[_Process]:
    with tempfile.TemporaryFile("w+", errors="replace") as words:
        running = _Process(command, threads, words)
        try:
            yield running
        finally:
            running.process.kill()
            running.process.communicate()


def interleave(
    contenders: Sequence[Contender], repeats: int, threads: int, advance: Callable[[str], None] = lambda name: None
) -> dict[str, Measured]:
    """Each process's warm-up, by its first contender, and then `repeats` rounds in which each contender has one turn.

    Args:
        contenders: with names that differ.
        repeats: rounds.
        threads: of every process.
        advance: is told the contender's name when one of its turns is over.

    Raises:
        ContenderFailed: a process ended.

    """
    with ExitStack() as stack:
        commands = dict.fromkeys(contender.command for contender in contenders)
        running = {command: stack.enter_context(_running(command, threads)) for command in commands}
        facts = {command: process.hear() for command, process in running.items()}
        measured = {c.name: Measured(facts[c.command], {}, []) for c in contenders}
        first = {contender.command: contender.name for contender in reversed(contenders)}
        for round_ in range(repeats + 1):
            for contender in contenders:
                asked = {**contender.turn, "round": round_, "warm_up": round_ == 0}
                if round_ > 0:
                    measured[contender.name].repeats.append(running[contender.command].turn(asked))
                elif first[contender.command] == contender.name:
                    measured[contender.name].warm_up = running[contender.command].turn(asked)
                advance(contender.name)
        return measured
