"""Rows of made-up runs, for a ledger in a temporary folder. None of them is ever committed."""

from collections.abc import Sequence

import numpy as np

from pelt_core.study.ledger import Ledger
from pelt_core.study.run import Run

PROVENANCE = {
    "git_commit": "0123456789abcdef0123456789abcdef01234567",
    "git_dirty": False,
    "versions": {"torch": "2.13.0", "transformers": "5.23.0"},
    "python": "3.11.2",
    "platform": "Linux",
    "device": "cpu: made up",
    "threads": 1,
    "finished_utc": "2026-01-01T00:00:00Z",
}


def fill(ledger: Ledger, runs: Sequence[Run], questions: int = 12, effects: dict[str, float] | None = None) -> None:
    """Record every run with random items.

    Args:
        ledger: where to.
        runs: which ones.
        questions: of each data set.
        effects: method specification -> what to add to its answer loss.
    """
    for number, run in enumerate(runs):
        items = _items(run, questions, (effects or {}).get(run.method, 0.0), np.random.default_rng(number))
        metrics = {name: np.mean([i["correct"] for i in items if i["set"] == name]) for name in run.evaluate}
        ledger.write(
            {
                "key": run.key,
                "run": run.to_dict(),
                "status": "finished",
                "metrics": {
                    "accuracy": metrics,
                    "answer_loss": dict.fromkeys(run.loss_sets, 1.0),
                    **({"text_loss": {run.texts: 3.0}} if run.texts else {}),
                },
                "trainable_parameters": 1_000_000 + 1000 * len(run.method),
                "backbone_parameters": 134_515_008,
                "training_rows": 90,
                "gates": _gates(run) if "*" in run.method else {},
                "loss_curve": [[1, 2.0], [2, 1.0]],
                "tokens": 1000,
                "seconds": {"train": 100.0, "evaluate": 50.0},
                "provenance": PROVENANCE,
            },
            items,
        )


def _items(run: Run, questions: int, effect: float, rng: np.random.Generator) -> list[dict]:
    """Questions that are answered, those of which only the loss is known, and other texts."""
    items = []
    for name in dict.fromkeys((*run.evaluate, *run.loss_sets)):
        for i in range(questions):
            # a question is as hard for every run: that is what pairing is for
            loss = 1.0 + 0.3 * np.sin(7 * i) + effect + 0.01 * rng.standard_normal()
            measured = {"loss": loss, "loss_tokens": 20} if name in run.loss_sets else {"loss": None, "loss_tokens": 0}
            seen = "-leaked" in run.train and i % 3 == 0
            items.append({"set": name, "id": f"{name}-{i}", "seen": seen} | measured)
            if name in run.evaluate:
                items[-1] |= {
                    "prompt_sha256": "0" * 64,
                    "output": "The answer is 4.",
                    "extracted": "4",
                    "gold": "ABABCABADE"[i % 10] if name == "aqua" else str(i),
                    "correct": bool(rng.random() < 0.2),
                }
    if run.texts:
        losses = 3.0 + np.sin(np.arange(questions)) + 0.01 * rng.standard_normal(questions)
        items += [{"set": run.texts, "id": f"text-{i}", "text_loss": loss} for i, loss in enumerate(losses)]
    return items


def _gates(run: Run) -> dict:
    """Of two layers."""
    places = ("kv mlp_prefix", "q lora", "v lora", "mlp series")
    values = [0.4 + 0.02 * i for i in range(2 * len(places))]
    return {
        "names": [f"{layer} {place}" for layer in range(2) for place in places],
        "answers": dict.fromkeys(run.loss_sets, values),
        "forced": {how: dict.fromkeys(run.loss_sets, 1.0) for how in ("free", "0.0", "0.5", "1.0")},
    }
