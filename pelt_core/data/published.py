"""The files that the authors of LLM-Adapters published (Hu et al. 2023), to compare with."""

from dataclasses import dataclass
from typing import Any

from pelt_core.data.fields import BadRow, text


@dataclass(frozen=True)
class Published:
    """A row as published: instruction, output and answer under this library's names, to the character."""

    key: int
    question: str
    solution: str
    answer: str
    flaw: str = ""


def published(raw: dict[str, Any], position: int) -> Published:
    """The rows that a model answered wrongly have the right output and answer in fields of their own."""
    text(raw, "instruction")
    output, answer = raw.get("output_correct", raw.get("output")), raw.get("answer_correct", raw.get("answer"))
    if not isinstance(output, str) or not isinstance(answer, (str, int, float)):
        raise BadRow(f"fields 'output' and 'answer' must be there, and are {output!r} and {answer!r}")
    return Published(position, raw["instruction"], output, str(answer))


READERS = {"llm-adapters-published": published}
