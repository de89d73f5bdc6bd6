"""Rows of made-up runs of questions and answers, whose outputs are known. None of them is ever committed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from synthetic import PROVENANCE

from pelt_core import data
from pelt_core.data.readings import readings
from pelt_core.evaluate import summarise
from pelt_core.study.ledger import Ledger
from pelt_core.study.run import AnswerRun

NUMBERS = (
    "60 + {gold} - 60 = {gold}. The answer is {gold}.",  # right
    "60 + {gold} - 60 = 7. The answer is 7.",  # a slip
    "3 + 4 = 7. The answer is 7.",  # a wrong operation
    "The answer is 7.",  # no equation
    "Seven, or 3 + 4 = 7",  # no answer stated
)
LETTERS = ("The answer is ({gold}).", "The answer is (E).", "The answer is 7.")
CHOICES = ("the correct answer is {gold}", "the correct answer is answer3", "no idea")
WRITTEN = {"number": NUMBERS, "letter": LETTERS, "choice": CHOICES}
"""Kind of answer -> outputs, in turn; `knows` moves from a later one to the first, which is right."""


def fill(
    ledger: Ledger, runs: Sequence[AnswerRun], questions: int = 30, knows: Mapping[str, float] | None = None
) -> None:
    """Record every run.

    Args:
        ledger: where to.
        runs: which ones.
        questions: of each data set.
        knows: method specification -> the share of questions that it answers right beside those that it does in turn;
            its loss is lower by as much.
    """
    for number, run in enumerate(runs):
        items = _items(run, questions, (knows or {}).get(run.method, 0.0), np.random.default_rng(number))
        row = {
            "key": run.key,
            "run": run.to_dict(),
            "status": "finished",
            "metrics": summarise(items),
            "trainable_parameters": 1000 * len(run.method),
            "backbone_parameters": 134_515_008,
            "training_rows": 10 if run.trains else 0,
            "loss_curve": [[1, 2.0], [2, 1.0]],
            "tokens": 1000,
            "seconds": {"train": 100.0, "evaluate": 50.0},
            "provenance": PROVENANCE,
        }
        ledger.write(row, items)


def _items(run: AnswerRun, questions: int, knows: float, rng: np.random.Generator) -> list[dict[str, Any]]:
    return [_item(run, name, i, i < knows * questions, rng) for name in run.evaluate for i in range(questions)]


def _item(run: AnswerRun, name: str, i: int, known: bool, rng: np.random.Generator) -> dict[str, Any]:
    kind = data.answer_kind(name)
    gold = {"number": str(100 + i), "letter": "AABCD"[i % 5], "choice": f"answer{1 + i % 2}"}[kind]
    outputs = WRITTEN[kind]
    output = outputs[0 if known else i % len(outputs)].format(gold=gold)
    loss = 1.0 + 0.3 * np.sin(7 * i) - known + 0.01 * rng.standard_normal() if name in run.loss_sets else None
    item = {"set": name, "id": f"{name}-{i}", "prompt_sha256": "0" * 64, "output": output, "gold": gold}
    likely = {"label_correct": i % 2 == 0, "cloze_correct": known or i % 3 == 0} if kind == "choice" else {}
    return item | readings(kind, output, gold) | likely | {"loss": loss, "loss_tokens": 20 if loss else 0}
