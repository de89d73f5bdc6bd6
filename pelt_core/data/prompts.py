"""Prompts as versioned data: a changed text is a new name, so that a recorded run says exactly what its model read."""

from collections.abc import Mapping
from typing import Any

from pelt_core.errors import PeltError

_TASK = "Below is an instruction that describes a task. Write a response that appropriately completes the request."
_INDENT = " " * 16

PROMPTS: dict[str, str] = {
    # One text for training and evaluation. It ends in a newline, so that no token spans prompt and answer.
    "alpaca@1": f"{_TASK}\n\n### Instruction:\n{{question}}\n\n### Response:\n",
    # LLM-Adapters (Hu et al. 2023) as released: training and evaluation differ in white space.
    "alpaca-published-train@1": (
        f"{_TASK}  \n\n{_INDENT}### Instruction:\n{_INDENT}{{question}}\n{_INDENT}\n{_INDENT}### Response:\n{_INDENT}"
    ),
    "alpaca-published-eval@1": (
        f"{_TASK} \n\n{_INDENT}### Instruction:\n{_INDENT}{{question}}\n\n{_INDENT}### Response:\n{_INDENT}"
    ),
    # Question and answer alone: the model is to know the text of the right choice, not to name its label.
    "cloze@1": "Question: {question}\nAnswer:\n",
}

INSTRUCTION_FOR: dict[str, str] = {"cloze@1": "alpaca@1"}
"""Each cloze prompt, and the one that asks the same question with its choices, for what the model is to write."""

EVALUATED_WITH: dict[str, str] = {**INSTRUCTION_FOR, "alpaca-published-train@1": "alpaca-published-eval@1"}
"""The prompts that a model is trained on but not asked with, and the one that it is asked with; all others are both."""


class NoChoices(PeltError, ValueError):
    """A cloze prompt is to ask a question that has no choices."""


class UnknownPrompt(PeltError, LookupError):
    """A prompt that does not exist; the message lists those that do."""


def render(name: str, question: str) -> str:
    """The prompt that asks `question`; the answer's text follows it without a gap.

    Raises:
        UnknownPrompt: there is no prompt of that name.
    """
    if name not in PROMPTS:
        raise UnknownPrompt(f"no prompt is called {name!r}; there are {', '.join(PROMPTS)}")
    return PROMPTS[name].replace("{question}", question)


def exchange(name: str, row: Mapping[str, Any]) -> tuple[str, str]:
    """What a prompt makes of a row: the text that asks it, and the answer that follows without a gap.

    Most prompts ask the question and are answered by the solution. A cloze prompt asks the stem, which names none of
    the choices, and is answered by the text of the right one, both without the white space around them.

    Raises:
        NoChoices: a cloze prompt is given a row without stem and choices.
        UnknownPrompt: there is no prompt of that name.
    """
    if name not in INSTRUCTION_FOR:
        return render(name, row["question"]), row["solution"]
    if not row.get("stem"):
        raise NoChoices(
            f"the prompt {name!r} asks for the text of a choice, and {row['id']!r} has none: take a set whose answers "
            f"are choices, or the prompt {INSTRUCTION_FOR[name]!r}"
        )
    return render(name, row["stem"].strip()), row["choices"][row["gold"]].strip()
