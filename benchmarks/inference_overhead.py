"""What an unmerged method adds to the time of inference: prompts read and answers written, over the bare backbone.

Each library is compared with its own way of running the bare backbone: here `pelt_core.decode.generate`, there
`model.generate`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
from benchmarks.training import LORA, UNIPELT

BARE = "bare"
# Name -> specification, what `benchmarks.contenders.peers` calls it, and the most percent that it may add.
METHODS = {
    "LoRA": (LORA, "wide lora", 10.0),
    "series": ("series(bottleneck=64)@mlp", "series", 10.0),
    "prefix": ("prefix(tokens=10)", "prefix", 10.0),
    "UniPELT": (UNIPELT, "unipelt", 25.0),
}
OF_PEFT = ("LoRA", "prefix")


def main(
    repeats: Repeats = 5,
    threads: Threads = THREADS,
    json: Json = None,
    quick: Quick = False,
    only: Only = "",
    adapters_python: Adapters = None,
    backbone: Backbone = "smollm2-135m",
) -> None:
    """Inference time that unmerged methods add to the bare backbone's, here, in peft and in adapters."""
    from benchmarks.report import close, opening
    from benchmarks.tasks import backbone_folder, questions
    from pelt_core.cli.console import progress

    setting = Setting(repeats, threads, json, quick)
    find_adapters(adapters_python, setting)
    number, new_tokens = (2, 2) if quick else (16, 24)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results = opening("inference_overhead", setting)
        task = questions(backbone, number, folder)
        work = {
            "folder": str(backbone_folder(backbone, "causal-lm", folder)),
            "prompts": str(task.file),
            "new_tokens": new_tokens,
            "precision": "fp32",
            "task": "causal-lm",
        }
        batch = {"questions": number, "batch_size": number}
        cells = {"pelt": _ours(work, batch), "peft": _with_peft(work, batch)}
        if setting.adapters_python:
            cells["adapters"] = _with_adapters(work, batch, setting.adapters_python)
        cells = {library: contenders for library, contenders in cells.items() if only in library}
        with progress("inference", total=sum(map(len, cells.values())) * (setting.repeats + 1)) as advance:
            for library, contenders in cells.items():
                cell = _measure(library, contenders, setting, lambda _: advance(""))
                facts = {"backbone": backbone, "questions": task.what, "number": number, "new_tokens": new_tokens}
                results["cells"].append({"name": library, **facts, **cell})
        close(results, setting)


def _ours(work: dict[str, Any], batch: dict[str, Any]) -> list[Contender]:
    methods = {BARE: None} | {name: specification for name, (specification, *_) in METHODS.items()}
    return [
        Contender(name, "benchmarks.contenders.generate", work, {**batch, "method": method})
        for name, method in methods.items()
    ]


def _with_peft(work: dict[str, Any], batch: dict[str, Any]) -> list[Contender]:
    from benchmarks.tasks import starting_values

    contenders = [_peer(BARE, work, batch, "peft", None)]
    for name in OF_PEFT:
        start = starting_values(Path(work["folder"]), "causal-lm", METHODS[name][0], "peft")
        contenders.append(_peer(name, {**work, "start": str(start)}, batch, "peft", name))
    return contenders


def _with_adapters(work: dict[str, Any], batch: dict[str, Any], python: str) -> list[Contender]:
    kinds = {BARE: None} | {name: kind for name, (_, kind, _) in METHODS.items()}
    return [_peer(name, work, batch, "adapters", kind, python) for name, kind in kinds.items()]


def _peer(
    name: str, work: dict[str, Any], batch: dict[str, Any], library: str, kind: str | None, python: str = sys.executable
) -> Contender:
    settings = {**work, "library": library, "kind": kind}
    return Contender(name, "benchmarks.contenders.peer_generate", settings, batch, python)


def _measure(
    library: str, contenders: list[Contender], setting: Setting, advance: Callable[[str], None]
) -> dict[str, Any]:
    measured = interleave(contenders, setting.repeats, setting.threads, advance)
    return {
        "contenders": [figures.without_texts(figures.contender(name, m, "questions")) for name, m in measured.items()],
        "comparisons": [
            {
                "of": name,
                "against": BARE,
                "added_percent": figures.added(m, measured[BARE]),
                "to_reach": METHODS[name][2] if library == "pelt" else None,
            }
            for name, m in measured.items()
            if name != BARE
        ],
    }


if __name__ == "__main__":
    run(main)
