"""Written equations: the last one of an output is found in whatever form it is written, and computed exactly."""

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pelt_core.data.embedded import generate
from pelt_core.data.written_equation import Written, last_equation


@pytest.mark.parametrize(
    ("output", "text", "value"),
    [
        ("20 - 6 = 13. The answer is 13.", "20 - 6", 14),
        ("30 * 5 = 150. 150 + 2 = 170. The answer is 170.", "150 + 2", 152),
        ("He walked 150 miles * 75 mph = 12,500 miles.\nThe answer is 3.", "150 * 75", 11250),
        ("She pays 14 hours x $10 = $140.", "14 * 10", 140),
        ("5x3=15", "5 * 3", 15),
        ("1,200 ÷ 4 = 300", "1200 / 4", 300),
        ("9 × (2 − 5) = 3", "9 * (2 - 5)", -27),
        ("2(3 + 4) = 14", "2 * (3 + 4)", 14),
        ("1/2 of 10 = 5", "1/2 * 10", 5),
        ("x = 70 - 27", "70 - 27", 43),
        ("It is 4 * (3 + 2) = 4 * 5 = 21", "4 * 5", 20),
        ("7 + 2 = 9 (and (1 + 2) = 3)", "(1 + 2)", 3),
        ("(so 3 + 4 = 7)", "3 + 4", 7),
        ("- 5 + 3 = 8", "5 + 3", 8),  # a list's bullet is no minus
        ("-5 + 3 = 8", "-5 + 3", -2),
        ("12 - 8 =", "12 - 8", 4),
        ("60% of 10 = 6", "60% * 10", 6),
        ("100% - 60% = 40%", "100% - 60%", 40),
        ("12/20 x 100% = 60%", "12/20 * 100%", 60),
        (".25 * 100 = 25%", ".25 * 100", 25),
        ("1 / 3 = 0.33", "1 / 3", Fraction(1, 3)),
        ("5 / 0 = 0", "5 / 0", None),
        ("1 + " * 120 + "1 = 121", "1 + " * 120 + "1", None),  # longer than an equation gets
    ],
)
def test_the_last_equation(output: str, text: str, value: int | Fraction | None) -> None:
    assert last_equation(output) == Written(text, value)


@pytest.mark.parametrize(
    "output",
    [
        *("", "The answer is 14.", "x = 5", "3 + 4 is 7", "from 3-5", "70 - x = 27", "2x + 3 = 7", "3 + y + 4 = 10"),
        *("5s - 4 = 96", "1-2-2020", "3 + = 4", "/\n3 + 4 = 7", "= = =", "((((", "1 = 1", "**5 = 5**"),
    ],
)
def test_no_equation_of_numbers_and_operations(output: str) -> None:
    assert last_equation(output) is None


@given(st.text(st.sampled_from("0123456789.,+-*/()=% $x\nab÷×−of"), max_size=80))
def test_any_output_can_be_read(output: str) -> None:
    found = last_equation(output)
    assert found is None or (any(c in found.text for c in "+-*/") and "=" not in found.text)


OPERATIONS = (*"+-*/÷−–×xX", "of")
NUMBERS = st.decimals(0, 10**6, places=2).map(lambda d: f"{d:f}") | st.integers(0, 10**6).map(str)


@given(st.text(), NUMBERS, st.sampled_from("+-*/"), NUMBERS, NUMBERS, st.sampled_from(["", " apples", " of the cats"]))
def test_what_is_written_for_it_does_not_matter(before: str, a: str, sign: str, b: str, wrong: str, unit: str) -> None:
    """Nor what stands before, unless that ends in an operation: the equation then goes on from there."""
    assume(not before.rstrip().endswith(OPERATIONS))
    found = last_equation(f"{before}\n{a}{unit} {sign} {b}{unit} = {wrong}{unit}.\nThe answer is {wrong}.")
    x, y = Fraction(a), Fraction(b)
    true = x + y if sign == "+" else x - y if sign == "-" else x * y if sign == "*" else x / y if y else None
    assert found == Written(f"{a} {sign} {b}", true)


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_worked_solution_of_the_embedded_data_ends_in_the_equation_of_its_answer(split: str) -> None:
    for row in generate(split):
        found = last_equation(row["solution"])
        assert found is not None and found.value == Fraction(row["answer"]), row["solution"]
