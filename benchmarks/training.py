"""Training against `peft` and `adapters`: real tokens a second, memory, loss, and the share of the processor's peak.

Every contender has the same rows in the same order, in batches of the same size, and the same optimiser. A repeat is a
turn of a training that goes on, so the next repeat has the next batch. Losses are on the answer's tokens alone.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import figures
from benchmarks.harness import Contender, interleave
from benchmarks.options import (
    THREADS,
    Adapters,
    Backbone,
    Json,
    Only,
    Quick,
    Repeats,
    Setting,
    Threads,
    find_adapters,
    run,
)

LORA = "lora(rank=32,alpha=64)@q,k,v,up,down"
UNIPELT = "prompt*[lora(rank=8,alpha=8)@q,v+prefix(tokens=10)+series(bottleneck=64)@mlp]"
UNIPELT_ENCODER = "sequence*[pfeiffer(bottleneck=64)@mlp_norm+prefix(tokens=10)+lora(rank=8,alpha=8)@q,v]"

_BEFORE_NORM = "the peer's adapter reads the MLP's input before its normalisation"
_GATES = "the peer's prefix starts elsewhere, and its gates count what comes later, and padding"


@dataclass(frozen=True)
class Cell:
    """A method that two libraries train.

    Attributes:
        kind: the method as `benchmarks.contenders.peers` calls it.
        to_reach: the least ratio of speeds that is asked for.
        losses_differ: why they do, where the peer's method is of the same cost, but not quite the same maths.

    """

    name: str
    method: str
    against: str
    to_reach: float
    kind: str = "lora"
    precision: str = "fp32"
    encoder: bool = False
    losses_differ: str = ""

    @property
    def task(self) -> str:
        """What the backbone does."""
        return "classification" if self.encoder else "causal-lm"


CELLS = (
    Cell("LoRA, fp32", LORA, "peft", 3.3),
    Cell("LoRA, bf16", LORA, "peft", 3.0, precision="bf16"),
    Cell("series", "series(bottleneck=64)@mlp", "adapters", 3.0, "series"),
    Cell("parallel", "parallel(bottleneck=64)@mlp", "adapters", 3.0, "parallel", losses_differ=_BEFORE_NORM),
    Cell("UniPELT", UNIPELT, "adapters", 3.0, "unipelt", losses_differ=_GATES),
    Cell("LoRA, encoder", "lora(rank=8,alpha=16)@q,v", "adapters", 2.0, "lora", encoder=True),
    Cell("UniPELT, encoder", UNIPELT_ENCODER, "adapters", 2.0, "unipelt", encoder=True, losses_differ=_GATES),
)


def main(
    repeats: Repeats = 5,
    threads: Threads = THREADS,
    json: Json = None,
    quick: Quick = False,
    only: Only = "",
    adapters_python: Adapters = None,
    backbone: Backbone = "smollm2-135m",
    encoder: Annotated[str, typer.Option("--encoder", "-e", help="The encoder.")] = "minilm-l6",
    max_length: Annotated[int, typer.Option("--max-length", help="Rows of more tokens are left out.")] = 256,
) -> None:
    """Training against peft and adapters: real tokens a second, peak memory, and the share of the GEMM peak."""
    from benchmarks.report import close, opening
    from pelt_core.cli.console import progress

    setting = Setting(repeats, threads, json, quick, only)
    find_adapters(adapters_python, setting)
    cells = [cell for cell in CELLS if only in cell.name]
    cells = [cell for cell in cells if cell.against != "adapters" or setting.adapters_python]
    with tempfile.TemporaryDirectory() as folder:
        results = opening("training", setting)
        with progress("training", total=len(cells)) as advance:
            for cell in cells:
                name = encoder if cell.encoder else backbone
                results["cells"].append(measure(cell, name, setting, max_length, results["gemm"], Path(folder)))
                advance(cell.name)
        close(results, setting)


def measure(
    cell: Cell, backbone: str, setting: Setting, max_length: int, gemm: dict[str, Any], folder: Path
) -> dict[str, Any]:
    """One cell's figures."""
    from benchmarks.tasks import backbone_folder, language_rows, starting_values, texts

    batch, steps = (32, 5) if cell.encoder else (16, 1)
    if setting.quick:
        batch, steps = 4, 1
    rows = batch * (steps * (setting.repeats + 1) + 1)  # one step more than is measured, so that none is the last
    task = texts(backbone, rows, folder) if cell.encoder else language_rows(backbone, rows, max_length, folder)
    where = backbone_folder(backbone, cell.task, folder)
    common = {
        "folder": str(where),
        "rows": str(task.file),
        "task": cell.task,
        "method": cell.method,
        "precision": cell.precision,
        "batch_size": batch,
        "steps": steps,
        "learning_rate": 1e-3,
        "seed": 0,
    }
    start = starting_values(where, cell.task, cell.method, cell.against)
    peer = {**common, "library": cell.against, "kind": cell.kind, "start": str(start)}
    python = setting.adapters_python if cell.against == "adapters" else None
    contenders = [
        Contender("pelt", "benchmarks.contenders.fit", common),
        Contender(cell.against, "benchmarks.contenders.peer_training", peer, python=python or sys.executable),
    ]
    measured = interleave(contenders, setting.repeats, setting.threads)
    ours, theirs = measured["pelt"], measured[cell.against]
    rows_of = [figures.contender(name, m, "tokens") for name, m in measured.items()]
    for row, m in zip(rows_of, measured.values(), strict=True):
        row["gemm_share"] = figures.gemm_share(m, gemm[f"peak_{cell.precision}"])
    return {
        "name": cell.name,
        "backbone": backbone,
        "method": cell.method,
        "precision": cell.precision,
        "rows": task.what,
        "batch_size": batch,
        "steps_a_repeat": steps,
        "contenders": rows_of,
        "comparisons": [
            {
                "of": "pelt",
                "against": cell.against,
                "ratio": figures.ratio(ours, theirs),
                "to_reach": cell.to_reach,
                "loss_difference": figures.loss_difference(ours, theirs),
                "losses_differ": cell.losses_differ,
            }
        ],
    }


if __name__ == "__main__":
    run(main)
