from dataclasses import replace

import pytest
import samples
from datasets import Dataset

from pelt_core.study import seen

ASKED = ["Ann has 3 cats .", "Bob has 5 dogs ."]


@pytest.fixture(autouse=True)
def questions(monkeypatch):
    """Two questions are asked; training asks the first, in other spelling."""
    asked = Dataset.from_dict({"id": ["a", "b"], "question": ASKED})
    monkeypatch.setattr(seen.kept, "questions", lambda name, number: asked)
    monkeypatch.setattr(seen.data, "training_rows", lambda mix, seed: {"question": ["ann has 3.0 Cats"]})


RUN = replace(samples.RUN, evaluate=("svamp",), loss_sets=("svamp", "gsm8k"), texts="glue-qnli")


def items():
    return [{"set": name, "id": row} for name in ("svamp", "gsm8k", "glue-qnli") for row in ("a", "b")]


def test_a_question_of_the_training_rows_has_been_seen():
    found = items()
    seen.mark(RUN, found)
    assert [item.get("seen") for item in found] == [True, False, True, False, None, None]


def test_who_was_not_trained_has_seen_nothing():
    found = items()
    seen.mark(replace(RUN, train="", method="none"), found)
    assert [item.get("seen") for item in found] == [False] * 4 + [None] * 2
