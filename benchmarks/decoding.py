"""Decoding against `model.generate`: in batches at the same precision, and against the protocol of LLM-Adapters.

That protocol asks one question at a time and searches with 4 beams. It takes so long that only one question a repeat is
measured, another one each time. The time for 100 questions is in proportion to those that were asked.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks import figures
from benchmarks.harness import Contender, Measured, interleave
from benchmarks.options import THREADS, Backbone, Json, Quick, Repeats, Setting, Threads, run

# Name, precision and what a turn asks for.
OURS = (("pelt, fp32", "fp32"), ("pelt, bf16", "bf16"))
PEERS: tuple[tuple[str, str, dict[str, int]], ...] = (("generate, fp32", "fp32", {}), ("generate, bf16", "bf16", {}))
PROTOCOL = ("one question, 4 beams, fp32", "fp32", {"questions": 1, "batch_size": 1, "beams": 4, "stride": 1})
# Of, against, and the least ratio that is asked for.
COMPARED = (
    ("pelt, fp32", "generate, fp32", 1.15),
    ("pelt, bf16", "generate, bf16", 1.15),
    ("pelt, fp32", "one question, 4 beams, fp32", 30.0),
    ("pelt, bf16", "one question, 4 beams, fp32", 30.0),
)


def main(
    repeats: Repeats = 5,
    threads: Threads = THREADS,
    json: Json = None,
    quick: Quick = False,
    backbone: Backbone = "smollm2-135m",
) -> None:
    """Greedy decoding in batches against generate, and against one question at a time with 4 beams."""
    from benchmarks.report import close, opening

    setting = Setting(repeats, threads, json, quick)
    with tempfile.TemporaryDirectory() as folder:
        results = opening("decoding", setting)
        results["cells"] = [measure(backbone, setting, Path(folder))]
        close(results, setting)


def measure(backbone: str, setting: Setting, folder: Path) -> dict[str, Any]:
    """All contenders in one run."""
    from benchmarks.tasks import backbone_folder, questions
    from pelt_core.cli.console import progress

    number, new_tokens = (4, 4) if setting.quick else (64, 48)
    task = questions(backbone, number, folder)
    common = {
        "folder": str(backbone_folder(backbone, "causal-lm", folder)),
        "prompts": str(task.file),
        "new_tokens": new_tokens,
    }
    batch = {"questions": number, "batch_size": number}
    contenders = [
        Contender(name, "benchmarks.contenders.generate", {**common, "precision": precision}, batch)
        for name, precision in OURS
    ] + [
        Contender(
            name,
            "benchmarks.contenders.peer_generate",
            {**common, "precision": precision, "task": "causal-lm", "library": "transformers", "kind": None},
            {**batch, **turn},
        )
        for name, precision, turn in (*PEERS, PROTOCOL)
    ]
    with progress("decoding", total=len(contenders) * (setting.repeats + 1)) as advance:
        measured = interleave(contenders, setting.repeats, setting.threads, lambda _: advance(""))
    return {
        "name": f"{number} questions, {new_tokens} new tokens each",
        "backbone": backbone,
        "questions": task.what,
        "new_tokens": new_tokens,
        "contenders": [
            figures.without_texts(figures.contender(name, m, "questions"))
            | {"seconds_for_100": figures.spread([100 / speed for speed in figures.speeds(m)])}
            for name, m in measured.items()
        ],
        "comparisons": [
            {
                "of": ours,
                "against": peer,
                "ratio": figures.ratio(measured[ours], measured[peer]),
                "to_reach": to_reach,
                "same_texts": _same_texts(backbone, measured[ours], measured[peer]) if peer != PROTOCOL[0] else None,
            }
            for ours, peer, to_reach in COMPARED
        ],
    }


def _same_texts(backbone: str, ours: Measured, peer: Measured) -> float:
    """The share of questions that both answered with the same text."""
    from pelt_core.backbones import load_tokenizer

    tokenizer = load_tokenizer(backbone)
    texts = [text for turn in ours.repeats for text in turn["written"]]
    ids = [ids for turn in peer.repeats for ids in turn["written"]]
    same = [text == tokenizer.decode(i, skip_special_tokens=True) for text, i in zip(texts, ids, strict=True)]
    return sum(same) / len(same)


if __name__ == "__main__":
    run(main)
