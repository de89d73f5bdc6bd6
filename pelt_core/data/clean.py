"""Training rows without the problems that a test set asks."""

from collections.abc import Iterable
from dataclasses import replace

from pelt_core.data.normalise import normalise_question
from pelt_core.data.reading import Prepared, read

EVALUATION_SETS = ("gsm8k", "svamp", "multiarith", "addsub", "singleeq", "aqua")


def without_test_problems(prepared: Prepared, tests: Iterable[str] = EVALUATION_SETS) -> Prepared:
    """`prepared` without rows whose question, by letters and digits alone, is in a test split; `leaked` has their ids."""
    asked = {normalise_question(row["question"]) for name in tests for row in read(name, "test").rows}
    leaked = tuple(row["id"] for row in prepared.rows if normalise_question(row["question"]) in asked)
    return replace(prepared, rows=[row for row in prepared.rows if row["id"] not in set(leaked)], leaked=leaked)
