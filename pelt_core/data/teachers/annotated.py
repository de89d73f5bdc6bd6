"""The teacher that writes what the source itself carries: no network, no model, the same on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pelt_core.data.teachers import Question, Written


class Annotated:
    """GSM8K's solutions, MathQA's rationales, and the steps that follow from the equation of a MAWPS problem."""

    attempts = 1

    def write(self, questions: Sequence[Question], attempt: int) -> list[Written]:
        """The sources' own solutions; where one has none, its flaw."""
        return [
            Written(question.solution) if question.solution else Written("", "no usable solution", question.flaw)
            for question in questions
        ]

    def report(self) -> dict[str, Any]:
        """Its name."""
        return {"teacher": "annotated"}
