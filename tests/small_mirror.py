"""A mirror of a few invented rows, pinned in place of the real sets, so that reading data is tested without any."""

import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pelt_core.data import arrow, reading
from pelt_core.data.catalogue import DATASETS, Pin
from pelt_core.data.clean import without_test_problems


def problem(key: int, question: str, equation: str, answer: Any) -> dict[str, Any]:
    return {"iIndex": key, "sQuestion": question, "lEquations": [equation], "lSolutions": [answer]}


def mawps(key: int, question: str, equation: str, answer: Any) -> dict[str, Any]:
    return {"id": key, "original_text": question, "equation": equation, "ans": answer}


OPTIONS = ["A)1", "B)2", "C)3", "D)4", "E)5"]
RAW: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("gsm8k", "train"): [{"question": f"What is {n} and 1?", "answer": f"{n} + 1\n#### {n + 1}"} for n in range(9)],
    ("gsm8k", "test"): [{"question": f"What is {n} and 2?", "answer": f"{n} + 2\n#### {n + 2}"} for n in range(9)],
    ("svamp", "test"): [{"ID": "chal-1", "Body": "One", "Question": "Two?", "Equation": "( 1.0 )", "Answer": 1.0}],
    ("multiarith", "test"): [problem(0, "Tim has 3 cats. How many?", "x=3", 3.0)],
    ("addsub", "test"): [problem(1, "Ann had 4 and lost 1.", "4-x=3", "1"), problem(2, "A riddle", "9=3+6", 6.0)],
    ("singleeq", "test"): [problem(0, "Two and 2?", "x=2+2", 4.0)],
    ("aqua", "test"): [{"question": "Which?", "options": OPTIONS, "rationale": "So.", "correct": "B"}],
    ("mawps", "train"): [
        mawps(7, "Tim has 3.0 cats . How many ?", "x=3", 3.0),
        mawps(2, "Two balls and 5 more ?", "x=2+5", "7"),
        mawps(4, "Wrong", "x=2+2", 5.0),
        mawps(3, "Six halved ?", "x=6/2", 3.0),
    ],
}


def write(folder: Path, name: str, split: str, lines: list[str]) -> bytes:
    """Write lines as a mirror's file; the bytes of the file."""
    path = folder / name / f"{split}.jsonl.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("".join(line + "\n" for line in lines).encode(), mtime=0))
    return path.read_bytes()


def install(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Write the mirror to `folder`, point PELT_DATA at it, and pin its files in place of the published ones."""
    patch.setenv("PELT_DATA", str(folder))
    patch.setattr(arrow, "cache_folder", lambda: folder.with_name(f"{folder.name}-cache"))
    for name in {"mawps-clean"} | {name for name, _ in RAW}:
        patch.setitem(DATASETS, name, replace(DATASETS[name], splits={}))
    for (name, split), raw in RAW.items():
        stored = write(folder, name, split, [json.dumps(row) for row in raw])
        pin = Pin(
            0, "", f"{name}/{split}.jsonl.gz", len(raw), hashlib.sha256(stored).hexdigest(), "https://example.org"
        )
        DATASETS[name].splits[split] = pin
    with pytest.MonkeyPatch.context() as unchecked:
        unchecked.setattr(reading, "checked", lambda name, split, prepared: prepared)
        rows = {(name, split): reading.read(name, split).rows for name, split in RAW}
        rows["mawps-clean", "train"] = without_test_problems(reading.read("mawps", "train")).rows
    for (name, split), prepared in rows.items():
        pin = DATASETS[name].splits.get(split, Pin(0, ""))
        filled = replace(pin, rows=len(prepared), content_sha256=reading.content_sha256(prepared))
        DATASETS[name].splits[split] = filled


def pin_anew(patch: pytest.MonkeyPatch, name: str, split: str, **changed: Any) -> None:
    """Let a split be pinned otherwise, as `content_sha256=""` of one whose content nobody has seen."""
    patch.setitem(DATASETS[name].splits, split, replace(DATASETS[name].splits[split], **changed))
