import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelt_core.data.normalise import mask_numbers, normalise_question, stem


def test_the_same_problem_is_found_under_other_spacing_case_and_numbers() -> None:
    assert normalise_question("Tim has 3.0 cats .") == normalise_question("tim has 3 cats.") == "timhas3cats"
    assert normalise_question("1.05 and 3.06") == "105and306"


@pytest.mark.parametrize("number", ["7", "3,000.5", "12.0", "1,234,567"])
def test_masked_numbers_are_all_alike(number: str) -> None:
    assert mask_numbers(f"Tim has {number} cats.") == "timhas#cats"


def test_masking_keeps_numbers_apart_and_takes_no_other_mark_for_one() -> None:
    assert mask_numbers("1, 2 and 3/4 of #5") == "##and##of#"
    assert mask_numbers("# of cats") == "ofcats"


@given(st.text(max_size=60))
def test_normalising_twice_changes_nothing(question: str) -> None:
    once = normalise_question(question)
    assert normalise_question(once) == once


def test_a_stem_has_no_choices() -> None:
    assert stem("Which? Answer Choices: (A) 1 (B) 2 (C) 3 (D) 4 (E) 5") == "Which?"
    assert stem("Which?") == "Which?"
