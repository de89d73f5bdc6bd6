import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelt_core.data.extraction import (
    EXTRACTORS,
    LABELS,
    UnknownExtractor,
    UnknownKind,
    extract,
    label_family,
    matches,
    rules,
)


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
        ("first-truth@1", "the correct answer is false", "false"),
        ("first-truth@1", "That is untrue: false", "true"),  # as released: inside a word too
        ("first-truth@1", "False", None),  # as released: small letters only
        ("first-answer@1", "answer1/answer2/answer3\nthe correct answer is answer3", "answer1"),
        ("first-answer@1", "answer12", "answer1"),
        ("first-option@1", "the correct answer is answer1", None),
        ("stated-truth@1", "the correct answer is False.", "false"),
        ("stated-truth@1", "That is untrue: false", "false"),
        ("stated-truth@1", "true/false", None),
        ("stated-truth@1", "true / false", None),
        ("stated-truth@1", "yes", None),
        ("stated-solution@1", "Solution1: no. The correct answer is Solution 2", "solution2"),
        ("stated-solution@1", "The answer is 2 cups", None),
        ("stated-answer@1", "answer1/answer2/answer3\nthe correct answer is answer3", "answer3"),
        ("stated-answer@1", "Answer1: go home Answer2: stay", "answer1"),
        ("stated-answer@1", "Answer: **answer4**", "answer4"),
        ("stated-answer@1", "the answer is answer1? No, the answer is answer2.", "answer2"),
        ("stated-answer@1", "answer12", None),
        ("stated-answer@1", "the answer is answer6", None),
        ("stated-ending@1", "ending3, I think", "ending3"),
        ("stated-option@1", "the correct answer is\noption2", "option2"),
    ],
)
def test_extracts(name: str, text: str, answer: str | None) -> None:
    assert extract(name, text) == answer


WORDS = st.text() | st.lists(
    st.sampled_from(["answer", "is", " ", "/", "True", "untrue", "false", "Solution 2", "option1", "A", "-3.5"])
).map("".join)


@given(st.sampled_from(sorted(EXTRACTORS)), WORDS)
def test_what_is_extracted_has_the_form_of_an_answer(name: str, text: str) -> None:
    answer, what = extract(name, text), name.partition("-")[2].removesuffix("@1")
    forms = {"number": r"-?\d+(\.\d+)?", "letter": "[A-E]"} | {name: "|".join(each) for name, each in LABELS.items()}
    assert answer is None or re.fullmatch(forms[what], answer)


ALL_LABELS = [label for labels in LABELS.values() for label in labels]


@given(WORDS, st.sampled_from(ALL_LABELS), st.sampled_from([str, str.upper, str.capitalize]))
def test_a_label_stated_last_is_found(before: str, label: str, written: Callable[[str], str]) -> None:
    rule = rules("choice", label).mended
    assert extract(rule, f"{before}\nThe correct answer is {written(label)}.") == label


@pytest.mark.parametrize("label", ALL_LABELS)
def test_both_rules_read_an_answer_as_it_is_trained(label: str) -> None:
    assert {extract(rule, f"the correct answer is {label}") for rule in rules("choice", label)} == {label}


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
        ("choice", "answer2", "answer2", True),
        ("choice", "answer1", "answer2", False),
        ("choice", None, "true", False),
    ],
)
def test_matches(kind: str, predicted: str | None, gold: str, right: bool) -> None:
    assert matches(kind, predicted, gold) is right


def test_an_unknown_rule_or_kind_lists_the_known() -> None:
    with pytest.raises(UnknownExtractor, match=r"'first'.*first-letter@1"):
        extract("first", "A")
    for ask in (lambda: matches("text", "a", "a"), lambda: rules("text", "a")):
        with pytest.raises(UnknownKind, match="'number', 'letter' or 'choice', not 'text'"):
            ask()
    with pytest.raises(UnknownExtractor, match="'answer6' is no label of a choice; there are true, .*answer5"):
        label_family("answer6")


@pytest.mark.parametrize(
    ("kind", "gold", "published", "mended"),
    [("number", "3", "3", "3"), ("letter", "C", "A", "C"), ("choice", "option2", "option1", "option2")],
)
def test_both_rules_read_the_same_output(kind: str, gold: str, published: str, mended: str) -> None:
    output = "All of option1 is wrong: the answer is option2. So the answer is C, or 3"
    assert tuple(extract(rule, output) for rule in rules(kind, gold)) == (published, mended)
