"""Prompts as versioned data: a changed text is a new name, so that a recorded run says exactly what its model read."""

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
}


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
