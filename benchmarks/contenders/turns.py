"""A contender's end of the pipe: it works when it is its turn, and says what the turn cost.

A line of JSON each way. First the contender says what it is; then each line on its standard input asks for a turn, and
a line on its standard output answers with figures. The end of the input ends the process.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import TrainerCallback, TrainerControl

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
_LINUX = Path("/proc/self")


class Turns:
    """The pipe. `settings` are what the harness started this process with."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = json.loads(sys.argv[1])
        self._asked, self._answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
        # What libraries print must not be taken for an answer, and the line that asks for a turn is not for them.
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)

    def say(self, **figures: Any) -> None:
        """A line to the harness."""
        self._answers.write(json.dumps(figures) + "\n")
        self._answers.flush()

    def wait(self) -> dict[str, Any]:
        """Blocks until it is this contender's turn, and gives what is asked for; raises SystemExit when all is over."""
        line = self._asked.readline()
        if not line:
            raise SystemExit
        return json.loads(line)


class TakesTurns(TrainerCallback):
    """Stops a `Trainer` before a step until its turn comes. A turn is `steps` optimiser steps.

    The clock runs from the beginning of a turn's first step to the beginning of the step after its last, so that
    nothing of the training loop is left out. Floating point operations are counted in the warm-up, as that takes time.
    The trainer logs `losses`, one a step, and how many `tokens` were no padding.
    """

    def __init__(self, turns: Turns, steps: int) -> None:
        self.turns, self.steps = turns, steps
        self.taken, self.tokens = 0, 0
        self.losses: list[float] = []
        self.counter: FlopCounterMode | None = None

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Ends the turn that is over, and waits for the next."""
        if self.taken == self.steps:
            self._end(time.perf_counter() - self.started)
        if self.taken == 0:
            self._begin(self.turns.wait())

    def on_step_end(self, args: Any, state: Any, control: TrainerControl, **_: Any) -> None:
        """Has the losses read at the end of a turn."""
        self.taken += 1
        control.should_log |= self.taken == self.steps

    def on_log(self, *_: Any, logs: dict[str, Any] | None = None, **__: Any) -> None:
        """Keeps what the trainer has read."""
        if logs and "losses" in logs:
            self.losses += logs["losses"]
            self.tokens += logs["tokens"]

    def _begin(self, asked: dict[str, Any]) -> None:
        if asked.get("warm_up"):
            self.counter = FlopCounterMode(display=False)
            self.counter.__enter__()
        forget_peak()
        self.started = time.perf_counter()

    def _end(self, seconds: float) -> None:
        figures: dict[str, Any] = {"seconds": seconds, "peak_memory_bytes": peak_memory()}
        figures |= {"work": self.tokens, "losses": self.losses}
        if self.counter is not None:
            self.counter.__exit__(None, None, None)
            figures["flops"] = self.counter.get_total_flops()
            self.counter = None
        self.taken, self.tokens, self.losses = 0, 0, []
        self.turns.say(**figures)


def trainable(model: torch.nn.Module) -> int:
    """How many parameters are trained."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def forget_peak() -> None:
    """Measures the peak anew from here on, where the system is Linux."""
    if _LINUX.exists():
        (_LINUX / "clear_refs").write_text("5")


def peak_memory() -> int | None:
    """The most that this process held in memory, in bytes; None where the system does not say."""
    if not _LINUX.exists():
        return None
    line = next(line for line in (_LINUX / "status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
