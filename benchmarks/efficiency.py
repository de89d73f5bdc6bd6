"""What each method of the study with few examples costs: parameters, time of training and of inference, memory.

Each method has a process of its own for either work, with nothing else in its memory, and all take turns, so that each
repeat gives a ratio of each method to full fine-tuning (UniPELT, Mao et al. 2022, table 4).
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmarks import figures
from benchmarks.harness import Contender, interleave
from benchmarks.options import THREADS, Json, Only, Quick, Repeats, Setting, Threads, run

if TYPE_CHECKING:
    from benchmarks.tasks import Task

FULL = "full"
"""The method that the others are held against."""
METHODS = {
    FULL: "full",
    "head": "head",
    "bitfit": "bitfit",
    "prefix": "mlp_prefix(tokens=10)",
    "lora": "lora(rank=8,alpha=16)@q,v",
    "adapter": "pfeiffer@mlp_norm",
    "ap": "sequence*[pfeiffer@mlp_norm+mlp_prefix(tokens=10)]",
    "ap-nogate": "pfeiffer@mlp_norm+mlp_prefix(tokens=10)",
    "apl": "sequence*[pfeiffer@mlp_norm+mlp_prefix(tokens=10)+lora(rank=8,alpha=8)@q,v]",
    "apl-nogate": "pfeiffer@mlp_norm+mlp_prefix(tokens=10)+lora(rank=8,alpha=16)@q,v",
}
"""Name in the report -> specification."""
WORK = {"training": "tokens", "inference": "texts"}
"""What is measured -> what the work is counted in."""
READ = 512
"""At most so many texts are read in a turn."""
COUNTED_ON = 512
"""Tokens of the one text that operations are counted on, as PEFT-Bench does (Belanec et al. 2025)."""


def main(
    repeats: Repeats = 7,
    threads: Threads = THREADS,
    json: Json = None,
    quick: Quick = False,
    only: Only = "",
    backbone: Annotated[str, typer.Option("--backbone", "-b", help="The encoder.")] = "minilm-l6",
) -> None:
    """Time of training and of inference, memory and parameters of each method, beside full fine-tuning."""
    from benchmarks.report import close, opening
    from benchmarks.tasks import glue_rows
    from pelt_core.cli.console import progress

    setting = Setting(repeats, threads, json, quick, only)
    wanted = [work for work in WORK if only in work]
    batch, steps = (4, 1) if quick else (16, 8)
    with tempfile.TemporaryDirectory() as folder:
        results = opening("efficiency", setting)
        # One step more than is measured, so that none is the last.
        task = glue_rows(backbone, batch * (steps * (setting.repeats + 1) + 1), Path(folder))
        common = {"backbone": backbone, "labels": 2, "rows": str(task.file), "batch_size": batch, "steps": steps}
        numbers = {"training": len(task.rows), "inference": min(READ, len(task.rows))}
        with progress("efficiency", total=len(wanted) * len(METHODS) * (setting.repeats + 1)) as advance:
            for work in wanted:
                settings = {**common, "work": work, "number": numbers[work]}
                cell = _measure(settings, setting, lambda _: advance(""))
                results["cells"].append({"name": work, "backbone": backbone, **_about(task, settings), **cell})
        close(results, setting)


def _about(task: Task, settings: dict[str, Any]) -> dict[str, Any]:
    lengths = [len(row["input_ids"]) for row in task.rows[: settings["number"]]]
    in_training = {"batch_size": settings["batch_size"], "steps_a_repeat": settings["steps"]}
    about = {"rows": task.what, "tokens_a_row": statistics.mean(lengths)}
    return about | (in_training if settings["work"] == "training" else {"rows_a_repeat": len(lengths)})


def _measure(settings: dict[str, Any], setting: Setting, advance: Callable[[str], None]) -> dict[str, Any]:
    contenders = [
        Contender(name, "benchmarks.contenders.classify", {**settings, "method": method})
        for name, method in METHODS.items()
    ]
    measured = interleave(contenders, setting.repeats, setting.threads, advance)
    return {
        "contenders": [
            figures.contender(name, m, WORK[settings["work"]])
            | {"method": METHODS[name], "forward_flops": forward_flops(settings["backbone"], METHODS[name])}
            for name, m in measured.items()
        ],
        "comparisons": [
            {"of": name, "against": FULL, "ratio": figures.ratio(m, measured[FULL])}
            for name, m in measured.items()
            if name != FULL
        ],
    }


def forward_flops(backbone: str, method: str) -> int:
    """Floating point operations of reading one text of `COUNTED_ON` tokens, in products of matrices; without weights.

    Attention is counted as the products that it is made of.
    """
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    from pelt_core import attach
    from pelt_core.backbones import meta_classifier

    model = meta_classifier(backbone, "mean", 2)
    attach(model, method)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(input_ids=torch.ones(1, COUNTED_ON, dtype=torch.long, device="meta"))
    return int(counter.get_total_flops())


if __name__ == "__main__":
    run(main)
