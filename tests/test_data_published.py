from typing import Any

import pytest

from pelt_core.data.fields import BadRow
from pelt_core.data.published import Published, published


def test_a_row_keeps_its_characters() -> None:
    raw = {"instruction": " Which?\n", "input": "", "output": "  Two.\n", "answer": "2"}
    assert published(raw, 7) == Published(7, " Which?\n", "  Two.\n", "2")


def test_a_row_answered_wrongly_has_the_right_answer() -> None:
    raw = {
        "instruction": "Which?",
        "output": "Three.",
        "answer_given": 3.0,
        "output_correct": "Two.",
        "answer_correct": 2.0,
    }
    assert published(raw, 0) == Published(0, "Which?", "Two.", "2.0")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"instruction": " ", "output": "", "answer": "2"}, "'instruction' is empty"),
        ({"instruction": "Which?", "answer": "2"}, "'output' and 'answer' must be there, and are None and '2'"),
        ({"instruction": "Which?", "output": ""}, "are '' and None"),
    ],
)
def test_a_row_that_lacks_a_field_is_refused(raw: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        published(raw, 0)
