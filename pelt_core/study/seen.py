"""Which of the questions that a model is asked stand in its training rows: the leak, question by question."""

from __future__ import annotations

from typing import Any

from pelt_core import data
from pelt_core.data.normalise import normalise_question, stem
from pelt_core.study import kept
from pelt_core.study.run import AnswerRun


def mark(run: AnswerRun, items: list[dict[str, Any]]) -> None:
    """Adds `seen` to the record of every question: whether a training row of the run asks the same problem.

    Problems are the same if their letters and digits are, see `pelt_core.data.normalise.normalise_question`; rows that
    were too long to train on count as well. An untrained model has seen none.
    """
    trained = data.training_rows(run.train, run.seed)["question"] if run.train else []
    problems = {_problem(question) for question in trained}
    for name in dict.fromkeys((*run.evaluate, *run.loss_sets)):
        rows = kept.questions(name, run.questions)
        seen = {row: _problem(asked) in problems for row, asked in zip(rows["id"], rows["question"], strict=True)}
        for item in items:
            if item["set"] == name:
                item["seen"] = seen[item["id"]]


def _problem(question: str) -> str:
    return normalise_question(stem(question))
