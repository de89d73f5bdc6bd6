"""Where the time of a training step goes: by kind of operation, and how fast its matrix products run."""

from __future__ import annotations

import statistics
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.options import THREADS, Backbone, Json, Only, Quick, Repeats, Setting, Threads, run
from benchmarks.training import CELLS, Cell

PARTS = {
    "matrix products": ("aten::mm", "aten::addmm"),
    "attention": ("scaled_dot_product", "aten::bmm", "softmax", "_BiasedAttention"),
}
"""Part -> what the names of its operations hold; all others are `REST`."""
REST = "element by element, and moving data"


def main(
    repeats: Repeats = 5,
    threads: Threads = THREADS,
    json: Json = None,
    quick: Quick = False,
    only: Only = "",
    backbone: Backbone = "smollm2-135m",
) -> None:
    """What share of a step of training are matrix products, attention, and everything else; by torch's profiler."""
    import torch

    from benchmarks.report import close, opening
    from benchmarks.tasks import language_rows
    from pelt_core.cli.console import progress

    setting = Setting(repeats, threads, json, quick, only)
    cells = [cell for cell in CELLS if only in cell.name and not cell.encoder and cell.precision == "fp32"]
    results = opening("breakdown", setting)
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as folder, progress("breakdown", total=len(cells)) as advance:
        rows = language_rows(backbone, 2 if quick else 4, 256, Path(folder)).rows
        for cell in cells:
            results["cells"].append(_cell(cell, backbone, rows, setting.repeats))
            advance(cell.name)
    close(results, setting)


def _cell(cell: Cell, backbone: str, rows: Sequence[dict[str, Any]], repeats: int) -> dict[str, Any]:
    step = _step(cell.method, backbone, rows)
    step()
    profiled = [_profiled(step) for _ in range(repeats)]
    return {
        "name": cell.name,
        "backbone": backbone,
        "method": cell.method,
        "precision": cell.precision,
        "shares": {part: statistics.median(shares[part] for shares, _ in profiled) for part in (*PARTS, REST)},
        "product_gflops": statistics.median(gflops for _, gflops in profiled),
        "contenders": [],
    }


def _step(method: str, backbone: str, rows: Sequence[dict[str, Any]]) -> Callable[[], None]:
    """Forward and backward of one part of a step, as `pelt_core.train.fit` computes them."""
    from pelt_core import attach
    from pelt_core.backbones import load_model
    from pelt_core.micro_batches import TOKENS, MicroBatches
    from pelt_core.objective import training_losses
    from pelt_core.precision import fast_fp32
    from pelt_core.unpadding import unpadded

    fast_fp32()
    model = load_model(backbone)
    attach(model, method)
    model.train()
    parts = MicroBatches(TOKENS, pad_id=0)(rows)["step"].parts

    def step() -> None:
        with unpadded(model):
            for part in parts:
                training_losses(model, **part).mean().backward()

    return step


def _profiled(step: Callable[[], None]) -> tuple[dict[str, float], float]:
    """The share of each part in the time of all operations, and GFLOP/s of the matrix products."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], with_flops=True) as profiler:
        step()
    times: Counter[str] = Counter()
    operations = 0.0
    for event in profiler.key_averages():
        part = next((part for part, names in PARTS.items() if any(name in event.key for name in names)), REST)
        times[part] += event.self_cpu_time_total
        operations += event.flops if part == "matrix products" else 0
    whole = sum(times.values())
    return {part: times[part] / whole for part in (*PARTS, REST)}, operations / times["matrix products"] / 1e3


if __name__ == "__main__":
    run(main)
