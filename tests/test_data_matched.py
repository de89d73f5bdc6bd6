import os
from collections import Counter

import pytest

from pelt_core import data
from pelt_core.data import matched
from pelt_core.data.normalise import mask_numbers, normalise_question
from pelt_core.data.reading import Prepared

TEST = ["Ann has 3 cats and buys 4 .", "Bob had 9 nuts and ate 2 , then 3 ."]


def row(number: int, question: str, steps: int) -> dict[str, str]:
    solution = " ".join(f"{step} + 1 = {step + 1}." for step in range(steps))
    return {"id": f"mawps-train-{number:05d}", "question": question, "solution": solution, "answer": str(steps)}


@pytest.fixture
def mawps(monkeypatch):
    """Two test problems, one of them once more with other numbers, and five others, one of them with more steps."""
    rows = [
        row(0, "Ann has 3 cats, and buys 4.", 1),
        row(1, "Bob had 9 nuts and ate 2, then 3.", 2),
        row(2, "Ann has 8 cats and buys 5 .", 1),
        *(row(number, f"Eve has {number} hats and {'sells' * number} one.", 1) for number in (3, 4)),
        *(row(number, f"Dan {'runs' * number} 3 miles.", 2) for number in (5, 6)),
        row(7, "Flo writes 2 letters.", 4),
    ]
    asked = [{"question": question} for question in TEST]

    def read(name, split):
        return Prepared(rows if name == "mawps" else asked, "made up", {})

    monkeypatch.setattr(matched, "read", read)
    monkeypatch.setattr("pelt_core.data.clean.read", read)


def test_both_sides_have_as_many_rows_of_each_number_of_steps(mawps):
    leaked, unleaked = matched.leaked().rows, matched.unleaked().rows
    assert [one["id"] for one in leaked] == ["mawps-train-00000", "mawps-train-00001"]
    assert Counter(map(matched.steps, leaked)) == Counter(map(matched.steps, unleaked)) == {1: 1, 2: 1}


def test_one_side_is_asked_and_the_other_is_not_even_with_other_numbers(mawps):
    for key, rows, both in ((normalise_question, matched.leaked().rows, 2), (mask_numbers, matched.unleaked().rows, 0)):
        assert len({key(one["question"]) for one in rows} & set(map(key, TEST))) == both


def test_the_choice_is_the_same_every_time(mawps):
    assert matched.unleaked() == matched.unleaked()


@pytest.mark.skipif("PELT_DATA" not in os.environ, reason="counts the rows of a mirror")
def test_the_published_sets_are_as_pinned():
    leaked, unleaked = (data.prepare(name, "train").rows for name in ("mawps-leaked", "mawps-unleaked"))
    assert len(leaked) == len(unleaked) == 546
    assert Counter(map(matched.steps, leaked)) == Counter(map(matched.steps, unleaked))
