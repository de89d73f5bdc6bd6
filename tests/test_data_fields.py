from fractions import Fraction
from typing import Any

import pytest

from pelt_core.data.fields import BadRow, number, text, whole


def test_fields_are_taken_out() -> None:
    raw = {"question": "  Why?\n", "key": 3}
    assert text(raw, "question") == "Why?"
    assert whole(raw, "key") == 3
    assert number("2.50", "the answer") == Fraction(5, 2)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({}, "field 'question' is missing"),
        ({"question": " \n"}, "field 'question' is empty"),
        ({"question": None}, "field 'question' is None, not a text"),
        ({"question": 3}, "field 'question' is 3, not a text"),
    ],
)
def test_what_is_no_text_is_named(raw: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        text(raw, "question")


@pytest.mark.parametrize("value", [-1, 1.0, "1", None])
def test_what_is_no_whole_number_is_named(value: Any) -> None:
    with pytest.raises(BadRow, match="field 'key' must be a whole number"):
        whole({"key": value}, "key")


@pytest.mark.parametrize("value", ["", "two", None, float("nan"), float("-inf"), "1e999999999", "\ufffd3", [1]])
def test_what_is_no_finite_number_is_named(value: Any) -> None:
    with pytest.raises(BadRow, match="the answer must be a finite number"):
        number(value, "the answer")
