"""Made-up measurements that the benchmark of efficiency itself writes down, so that they have the form of real ones."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from speed_samples import GEMM, MACHINE

from benchmarks import efficiency, report, tasks
from benchmarks.harness import Contender, Measured

HEAD = 770
TRAINED = {
    "full": 22_565_376,
    "head": 0,
    "bitfit": 25_728,
    "prefix": 46_080,
    "lora": 73_728,
    "adapter": 223_776,
    "ap": 274_476,
    "ap-nogate": 269_856,
    "apl": 352_824,
    "apl-nogate": 343_584,
}
"""Parameters without the head, as the methods have them on MiniLM-L6."""


def record(file: Path, hundredths: Callable[[str, str], float], repeats: int = 7) -> None:
    """Writes what the benchmark would on a quiet machine, where a turn of full fine-tuning takes about a second.

    Args:
        file: where to.
        hundredths: of the time of full fine-tuning that a method takes for a kind of work.
        repeats: turns of each method.

    """

    def interleave(contenders: Sequence[Contender], number: int, *_: Any) -> dict[str, Measured]:
        return {one.name: _measured(one, number, hundredths(one.name, one.settings["work"])) for one in contenders}

    def rows(backbone: str, number: int, folder: Path) -> tasks.Task:
        return tasks.Task(folder / "rows.json", [{"input_ids": [0] * 40, "label": 0}] * number, "made-up rows")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(efficiency, "interleave", interleave)
        patch.setattr(tasks, "glue_rows", rows)
        patch.setattr(sys, "argv", ["python"])
        patch.setattr(report, "gemm", lambda threads: GEMM)
        patch.setattr(report, "machine", lambda threads, adapters: MACHINE | {"threads": threads})
        efficiency.main(repeats, 2, file, backbone="tiny-bert")


def _measured(contender: Contender, repeats: int, hundredths: float) -> Measured:
    rng = np.random.default_rng(list(contender.settings["method"].encode()))
    work = 100 if contender.settings["work"] == "training" else 500
    memory = 10**9 if contender.name == "full" else 6 * 10**8
    turns = [
        {"seconds": hundredths / 100 * (1 + 0.02 * rng.standard_normal()), "work": work, "peak_memory_bytes": memory}
        for _ in range(repeats)
    ]
    facts = {"trainable_parameters": TRAINED[contender.name] + HEAD, "head_parameters": HEAD}
    return Measured(facts, {}, turns)
