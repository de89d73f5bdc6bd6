"""How the cost of training and of inference grows with the sizes that one chooses, everything else as it is."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks import figures
from benchmarks.harness import Contender, Measured, interleave
from benchmarks.options import THREADS, Backbone, Json, Only, Quick, Repeats, Setting, Threads, run

LORA = "lora(rank={},alpha=64)@q,k,v,up,down"
SIZES = {
    "rank": (LORA, (4, 32, 256)),
    "bottleneck": ("series(bottleneck={})@mlp", (16, 128, 1024)),
    "virtual tokens": ("prefix(tokens={})", (1, 10, 100)),
}
BASE = LORA.format(32)
LENGTH, STEP = 128, 1024  # tokens of a row, and of all rows of a step
LENGTHS, AT_ONCE = (64, 256, 1024), (256, 1024, 2048)


def main(
    repeats: Repeats = 5,
    threads: Threads = THREADS,
    json: Json = None,
    quick: Quick = False,
    only: Only = "",
    backbone: Backbone = "smollm2-135m",
) -> None:
    """How speed and memory change with rank, bottleneck, virtual tokens, layers, row length and tokens at once."""
    from benchmarks.report import close, opening
    from benchmarks.tasks import backbone_folder, questions
    from pelt_core.cli.console import progress

    setting = Setting(repeats, threads, json, quick)
    step = 32 if quick else STEP
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results = opening("scaling", setting)
        where = backbone_folder(backbone, "causal-lm", folder)
        number, new_tokens = (2, 2) if quick else (16, 16)
        task = questions(backbone, number, folder)
        decode = {"folder": str(where), "prompts": str(task.file), "new_tokens": new_tokens, "precision": "fp32"}
        batch = {"questions": number, "batch_size": number}
        axes = training(backbone, where, step) | inference(decode, batch)
        axes = {axis: contenders for axis, contenders in axes.items() if only in axis}
        everyone = [contender for contenders in axes.values() for contender in contenders]
        with progress("scaling", total=len(everyone) * (setting.repeats + 1)) as advance:
            measured = interleave(everyone, setting.repeats, setting.threads, lambda _: advance(""))
        for axis, contenders in axes.items():
            results["cells"].append(_cell(axis, backbone, {c.name: measured[c.name] for c in contenders}))
        close(results, setting)


def training(backbone: str, where: Path, step: int) -> dict[str, list[Contender]]:
    """For every axis the contenders along it; each trains for one step of `step` tokens a turn."""
    from benchmarks.tasks import even_rows
    from pelt_core.backbones import meta_model

    layers = meta_model(backbone).config.num_hidden_layers

    def contender(name: str, method: str, length: int = LENGTH, tokens: int = step, **also: Any) -> Contender:
        rows = even_rows(backbone, min(length, tokens), tokens, where)
        turn = {"method": method, "rows": str(rows), "also": also}
        return Contender(name, "benchmarks.contenders.scale", {"folder": str(where)}, turn)

    axes = {
        f"training, {axis}": [contender(f"{axis} {size}", form.format(size)) for size in sizes]
        for axis, (form, sizes) in SIZES.items()
    }
    counts = sorted({1, max(1, layers // 6), max(1, layers // 2), layers})
    axes["training, adapted layers"] = [contender(f"last {n} layers", f"{BASE}:last{n}") for n in counts]
    axes["training, row length"] = [contender(f"rows of {n}", BASE, n) for n in LENGTHS]
    axes["training, tokens at once"] = [
        contender(f"{n} tokens at once", BASE, tokens=2 * step, micro_batch_tokens=n) for n in AT_ONCE
    ]
    return axes


def inference(work: dict[str, Any], batch: dict[str, Any]) -> dict[str, list[Contender]]:
    """The same sizes of modules when prompts are read and answers written."""
    return {
        f"inference, {axis}": [
            Contender(
                f"{axis} {size}, inference",
                "benchmarks.contenders.generate",
                work,
                {**batch, "method": form.format(size)},
            )
            for size in sizes
        ]
        for axis, (form, sizes) in SIZES.items()
    }


def _cell(axis: str, backbone: str, measured: dict[str, Measured]) -> dict[str, Any]:
    unit = "tokens" if axis.startswith("training") else "questions"
    rows = [figures.without_texts(figures.contender(name, m, unit)) for name, m in measured.items()]
    return {"name": axis, "backbone": backbone, "contenders": rows}


if __name__ == "__main__":
    run(main)
