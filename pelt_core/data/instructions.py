"""The form in which LLM-Adapters (Hu et al. 2023) publish rows: instruction, input (empty), output and answer."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pelt_core.errors import PeltError

FORMS = (".json", ".jsonl")


class UnknownForm(PeltError, ValueError):
    """A file whose name does not say in which form rows are to be written; the message has the names that do."""


def instruction(row: Mapping[str, Any]) -> dict[str, str]:
    """A row with `question`, `solution` and `answer`, in the published form."""
    return {"instruction": row["question"], "input": "", "output": row["solution"], "answer": row["answer"]}


def line(row: Mapping[str, Any]) -> str:
    """The published form of a row as a line of JSON, as a mirror has it."""
    return json.dumps(instruction(row), ensure_ascii=False)


def check_form(path: Path) -> None:
    """Whether `write` knows the form of a file of that name, before long work.

    Raises:
        UnknownForm: it does not.
    """
    if path.suffix not in FORMS:
        raise UnknownForm(
            f"{path.name} must end in {FORMS[0]} (one list, as the published files are) or {FORMS[1]} (a row a line)"
        )


def write(rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Write rows to a file, whole or not at all: a `.json` list as published, or `.jsonl`, a row a line.

    Raises:
        UnknownForm: the file's name ends otherwise.
    """
    check_form(path)
    if path.suffix == ".jsonl":
        text = "".join(line(row) + "\n" for row in rows)
    else:  # the published files are indented by 4 and have \u2019 for what is not ASCII
        text = json.dumps([instruction(row) for row in rows], indent=4)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(path)
