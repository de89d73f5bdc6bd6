"""Results of made-up measurements, written by the benchmarks themselves, so that they have the form of real ones."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks import breakdown, decoding, inference_overhead, report, scaling, training
from benchmarks.harness import Contender, Measured

GEMM = {"gflops": {}, "relative_error": {}, "peak_fp32": 300.0, "peak_bf16": 150.0}
MACHINE = {
    "git_commit": "0123456789abcdef0123456789abcdef01234567",
    "git_dirty": False,
    "processor": "made up",
    "cores": 2,
    "memory_bytes": 25 * 10**9,
    "versions": {"torch": "2.13.0"},
}


def record(folder: Path, seconds: Callable[[Contender], float]) -> None:
    """Writes what the benchmarks would, if a turn took so many seconds in the first repeat and 1 % more in each next.

    Args:
        folder: where to.
        seconds: of a contender.

    """

    def interleave(contenders: Sequence[Contender], repeats: int, *_: Any, **__: Any) -> dict[str, Measured]:
        return {
            one.name: Measured({"trainable_parameters": 1000}, turn(one, 0), [turn(one, i) for i in range(repeats)])
            for one in contenders
        }

    def turn(contender: Contender, number: int) -> dict[str, Any]:
        ours = "peer" not in contender.module
        return {
            "seconds": seconds(contender) * (1 + 0.01 * number),
            "work": 400,
            "flops": 200e9,
            "losses": [2.5],
            "peak_memory_bytes": 2 * 10**9 if ours else 12 * 10**9,
        } | ({"written": ["4"] if ours else [[4]]} if "generate" in contender.module else {})

    with pytest.MonkeyPatch.context() as patch:
        for module in (training, decoding, inference_overhead, scaling):
            patch.setattr(module, "interleave", interleave)
        for module in (training, inference_overhead):
            patch.setattr(module, "find_adapters", lambda _, setting: setattr(setting, "adapters_python", "python"))
        patch.setattr(sys, "argv", ["python"])
        patch.setattr(report, "gemm", lambda threads: GEMM)
        patch.setattr(report, "machine", lambda threads, adapters: MACHINE | {"threads": threads})
        training.main(json=folder / "training.json", backbone="tiny-llama", encoder="tiny-bert")
        for module in (decoding, inference_overhead, scaling):
            module.main(json=folder / f"{module.__name__.split('.')[-1]}.json", backbone="tiny-llama")
        breakdown.main(1, json=folder / "breakdown.json", quick=True, backbone="tiny-llama")
