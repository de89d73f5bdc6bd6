"""Training rows without the problems that a test set asks."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from pelt_core.data.normalise import normalise_question, stem
from pelt_core.data.reading import Prepared, read

EVALUATION_SETS = ("gsm8k", "svamp", "multiarith", "addsub", "singleeq", "aqua")


def without_test_problems(
    prepared: Prepared, tests: Iterable[str] = EVALUATION_SETS, key: Callable[[str], str] = normalise_question
) -> Prepared:
    """`prepared` without rows whose question is in a test split; `leaked` has their ids.

    Questions without their answer choices are the same if `key` is, see `pelt_core.data.normalise`.
    """

    def problem(row: dict[str, Any]) -> str:
        return key(stem(row["question"]))

    asked = {problem(row) for name in tests for row in read(name, "test").rows}
    leaked = tuple(row["id"] for row in prepared.rows if problem(row) in asked)
    return replace(prepared, rows=[row for row in prepared.rows if row["id"] not in set(leaked)], leaked=leaked)
