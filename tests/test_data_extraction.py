import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelt_core.data.extraction import EXTRACTOR_FOR, EXTRACTORS, UnknownExtractor, extract, matches


@pytest.mark.parametrize(
    ("name", "text", "answer"),
    [
        ("last-number@1", "48 / 2 = 24. The answer is 24.", "24"),
        ("last-number@1", "It costs $1,234.50 in all", "1234.50"),
        ("last-number@1", "1,000,000", "1000000"),
        ("last-number@1", "The answer is -7", "-7"),
        ("last-number@1", "from 3-5", "-5"),  # as released: a dash before a digit is a minus
        ("last-number@1", "3.5.2", "2"),
        ("last-number@1", "The answer is 12. Question 2", "2"),
        ("last-number@1", ".5", "5"),
        ("last-number@1", "twelve", None),
        ("last-number@1", "", None),
        ("first-letter@1", "The answer is (B).", "B"),
        ("first-letter@1", "Clearly it is (B).", "C"),  # as released: inside a word too
        ("first-letter@1", "b", None),
        ("first-letter@1", "", None),
        ("stated-letter@1", "Clearly it is so. The answer is (B).", "B"),
        ("stated-letter@1", "the Answer is: D", "D"),
        ("stated-letter@1", "Each of them.\nAnswer : A", "A"),
        ("stated-letter@1", "ANSWER:E", "E"),
        ("stated-letter@1", "correct answer - C", "C"),
        ("stated-letter@1", "answer is (A)? No, the answer is (B).", "B"),
        ("stated-letter@1", "The answer is Certain: D", "C"),  # a word is no letter: falls back to the first
        ("stated-letter@1", "so (E)", "E"),
        ("stated-letter@1", "the answer is b", None),
        ("stated-letter@1", "", None),
    ],
)
def test_extracts(name: str, text: str, answer: str | None) -> None:
    assert extract(name, text) == answer


@given(st.sampled_from(sorted(EXTRACTORS)), st.text())
def test_what_is_extracted_has_the_form_of_an_answer(name: str, text: str) -> None:
    answer = extract(name, text)
    assert answer is None or re.fullmatch(r"-?\d+(\.\d+)?" if "number" in name else "[A-E]", answer)


@given(st.text(), st.integers(-(10**9), 10**9))
def test_a_number_stated_last_is_found(before: str, number: int) -> None:
    assert extract("last-number@1", f"{before} The answer is {number:,}.") == str(number)


@given(st.text(), st.sampled_from("ABCDE"))
def test_a_letter_stated_last_is_found(before: str, letter: str) -> None:
    assert extract("stated-letter@1", f"{before}\nThe answer is ({letter}).") == letter


@pytest.mark.parametrize(
    ("kind", "predicted", "gold", "right"),
    [
        ("number", "24", "24", True),
        ("number", "24.0005", "24", True),
        ("number", "24.002", "24", False),
        ("number", "-24", "24", False),
        ("number", "9" * 400, "24", False),
        ("number", None, "24", False),
        ("letter", "B", "B", True),
        ("letter", "A", "B", False),
        ("letter", None, "B", False),
    ],
)
def test_matches(kind: str, predicted: str | None, gold: str, right: bool) -> None:
    assert matches(kind, predicted, gold) is right


def test_an_unknown_rule_or_kind_lists_the_known() -> None:
    with pytest.raises(UnknownExtractor, match=r"'first'.*first-letter@1"):
        extract("first", "A")
    with pytest.raises(ValueError, match="'number' or 'letter'"):
        matches("text", "a", "a")


def test_each_kind_of_answer_has_an_extractor() -> None:
    assert {kind: extract(name, "answer is (B), or 3") for kind, name in EXTRACTOR_FOR.items()} == {
        "number": "3",
        "letter": "B",
    }
