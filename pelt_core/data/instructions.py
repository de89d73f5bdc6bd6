"""The form in which LLM-Adapters (Hu et al. 2023) publish rows: instruction, input (empty), output and answer."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pelt_core.errors import PeltError
from pelt_core.writing import check_writable, write_whole


class UnknownForm(PeltError, ValueError):
    """A file whose name does not say in which form rows are to be written; the message has the names that do."""


def instruction(row: Mapping[str, Any]) -> dict[str, str]:
    """A row with `question`, `solution` and `answer`, in the published form."""
    return {"instruction": row["question"], "input": "", "output": row["solution"], "answer": row["answer"]}


def line(row: Mapping[str, Any]) -> str:
    """The published form of a row as a line of JSON, as a mirror has it."""
    return json.dumps(instruction(row), ensure_ascii=False)


def check(path: Path) -> None:
    """Find out before long work whether `write` can write to `path`.

    Raises:
        UnknownForm: its name ends in neither .json nor .jsonl.
        NotWritable: no file can be written there.
    """
    if path.suffix not in (".json", ".jsonl"):
        raise UnknownForm(f"{path} must end in .json (one list, as the published files are) or .jsonl (a row a line)")
    check_writable(path)


def write(rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Write rows to a file, whole or not at all: a `.json` list as published, or `.jsonl`; raises as `check` does."""
    check(path)
    if path.suffix == ".jsonl":
        write_whole(path, "".join(line(row) + "\n" for row in rows))
    else:  # published lists are indented by 4, and what is not ASCII is escaped
        write_whole(path, json.dumps([instruction(row) for row in rows], indent=4))
