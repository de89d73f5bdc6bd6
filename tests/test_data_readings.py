"""Readings: the answer of an output by two rules, and whether its last equation gives it."""

import gzip
import json
from pathlib import Path

import pytest

from pelt_core.data import answer_kind
from pelt_core.data.readings import readings

LEDGER = Path(__file__).resolve().parents[1] / "data" / "ledger"
ANSWERS = sorted(p for p in LEDGER.glob("*.json") if "evaluate" in json.loads(p.read_text(encoding="utf-8"))["run"])


@pytest.mark.parametrize(
    ("output", "answered", "written"),
    [
        ("6 * 7 = 43. The answer is 43.", False, True),  # a slip in arithmetic
        ("6 + 7 = 13. The answer is 13.", False, False),  # a wrong operation
        ("84 / 2 = 42.0004. The answer is 42.0004.", True, True),
        ("126.001 / 3 = 42. The answer is 42.", True, True),  # within 0.001
        ("The answer is 42.", True, False),
        ("6 / 0 = 42", True, False),
        ("", False, False),
    ],
)
def test_a_slip_is_told_from_a_wrong_operation(output: str, answered: bool, written: bool) -> None:
    found = readings("number", output, "42")
    assert (found["correct"], found["correct_published"], found["equation_correct"]) == (answered, answered, written)


def test_letters_are_read_by_both_rules_and_have_no_equation() -> None:
    assert readings("letter", "A is wrong, so 1 + 1 = 2: the answer is (B).", "B") == {
        "extracted": "B",
        "extracted_published": "A",
        "correct": True,
        "correct_published": False,
    }


def test_choices_are_read_by_the_labels_of_the_answer() -> None:
    assert readings("choice", "solution1/solution2\nthe correct answer is solution2, not answer1", "solution2") == {
        "extracted": "solution2",
        "extracted_published": "solution1",
        "correct": True,
        "correct_published": False,
    }


def test_every_recorded_answer_is_still_read_as_it_was() -> None:
    assert ANSWERS
    for path in ANSWERS:
        for line in gzip.decompress(path.with_suffix(".items.jsonl.gz").read_bytes()).splitlines():
            item = json.loads(line)
            if "output" not in item:  # of a run that was asked for losses alone
                continue
            found = readings(answer_kind(item["set"]), item["output"], item["gold"])
            assert found.items() >= {name: item[name] for name in found.keys() & item.keys()}.items(), item["id"]
