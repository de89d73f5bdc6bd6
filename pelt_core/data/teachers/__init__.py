"""Teachers write the rationale of a question; what they all are to the builder of a training set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pelt_core.errors import PeltError

# Zero-shot chain of thought (Kojima et al. 2022), and an end that an answer can be read from.
INSTRUCTIONS = {
    "number": "Let's think step by step. End with the sentence: The answer is <number>.",
    "letter": "Let's think step by step. End with the sentence: The answer is (<letter>).",
}


class BadTeacher(PeltError, ValueError):
    """A teacher that cannot work as asked; the message has what is right."""


@dataclass(frozen=True)
class Question:
    """What is asked, what is right, and what the source itself has to say.

    Args:
        id: "<set>-<split>-<number>".
        text: the question.
        kind: of the answer, "number" or "letter".
        answer: the right one. A teacher that is a model does not look at it.
        solution: the source's own, "" if it has none.
        flaw: why it has none.
    """

    id: str
    text: str
    kind: str
    answer: str
    solution: str = ""
    flaw: str = ""


@dataclass(frozen=True)
class Written:
    """What a teacher wrote for a question: `text`, or "" with the kind of `failure` in a few words, and a `detail`."""

    text: str
    failure: str = ""
    detail: str = ""


class Teacher(Protocol):
    """Writes rationales.

    Attributes:
        attempts: how often it may be asked the same question, until its answer is right.

    """

    attempts: int

    def write(self, questions: Sequence[Question], attempt: int) -> Sequence[Written]:
        """One text for each question, in order; `attempt` counts from 0 and gives another text."""
        ...

    def report(self) -> dict[str, Any]:
        """What it is, with its settings, and what it has used, as JSON types."""
        ...


def prompt(question: Question) -> str:
    """What a model is asked: the question, to think step by step, and how to end."""
    return f"{question.text}\n\n{INSTRUCTIONS[question.kind]}"


def from_model(text: str) -> Written:
    """What a model wrote, without white space around it; nothing at all is a failure."""
    return Written(text.strip()) if text.strip() else Written("", "empty answer")
