"""Two parts of MAWPS that differ in the leak alone: problems that test sets ask, and others of as many steps.

What is left of MAWPS without test problems has fewer problems of several steps, so that a model trained on it differs
from one trained on the rest in more than the leak. Here both sides have the same number of rows of each number of
steps, which are counted by the equations of the worked solution.
"""

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pelt_core.data.clean import without_test_problems
from pelt_core.data.normalise import mask_numbers
from pelt_core.data.reading import Prepared, read

SEED = "matched"


def leaked() -> Prepared:
    """Rows of MAWPS's train split whose problem a test set has too, as many of each number of steps as `unleaked`."""
    return _side(0)


def unleaked() -> Prepared:
    """Rows of MAWPS's train split whose problem no test set has, not even with other numbers."""
    return _side(1)


def steps(row: dict[str, Any]) -> int:
    """How many equations a worked solution has."""
    return str(row["solution"]).count("=")


def _side(side: int) -> Prepared:
    whole = read("mawps", "train")
    exact = set(without_test_problems(whole).leaked)
    similar = set(without_test_problems(whole, key=mask_numbers).leaked)
    sides = [
        _by_steps(row for row in whole.rows if row["id"] in exact),
        _by_steps(row for row in whole.rows if row["id"] not in similar),
    ]
    chosen: set[str] = set()
    for number, own in sides[side].items():
        both = min(len(one[number]) for one in sides)
        chosen |= {row["id"] for row in random.Random(f"{SEED}/{number}").sample(own, both)}
    return replace(whole, rows=[row for row in whole.rows if row["id"] in chosen])


def _by_steps(rows: Iterable[dict[str, Any]]) -> defaultdict[int, list[dict[str, Any]]]:
    found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[steps(row)].append(row)
    return found
