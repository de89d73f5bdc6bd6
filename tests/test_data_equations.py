import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelt_core.data.equations import Unworkable, format_number, work


@pytest.mark.parametrize(
    ("equation", "value", "steps"),
    [
        ("X=((32.0+42.0)-35.0)", 39, "32 + 42 = 74. 74 - 35 = 39."),
        ("( 4.0 - 3.0 )", 1, "4 - 3 = 1."),
        ("8.0", 8, ""),
        ("70-x=27", 43, "70 - 27 = 43."),
        ("28+x=54", 26, "54 - 28 = 26."),
        ("X - 7 - 4 = 5", 16, "5 + 4 = 9. 9 + 7 = 16."),
        ("390=30*x", 13, "390 / 30 = 13."),
        ("60*45=x*12", 225, "60 * 45 = 2700. 2700 / 12 = 225."),
        ("(x/2)+8=12", 8, "12 - 8 = 4. 4 * 2 = 8."),
        ("12/x=4", 3, "12 / 4 = 3."),
        ("74=35+18+3*x", 7, "35 + 18 = 53. 74 - 53 = 21. 21 / 3 = 7."),
        ("miles=4.0/30.0*48.0", Fraction(32, 5), "4 / 30 = 0.1333. 0.1333 * 48 = 6.4."),
        ("x=5--3", 8, "5 - (-3) = 8."),
        ("-x=4-6", 2, "4 - 6 = -2."),
        ("x=0.1+0.2", Fraction(3, 10), "0.1 + 0.2 = 0.3."),
    ],
)
def test_works_an_equation(equation: str, value: Fraction, steps: str) -> None:
    worked = work(equation)
    assert worked.value == value
    assert worked.steps == steps


@pytest.mark.parametrize(
    ("equation", "reason"),
    [
        ("X=0.32=0.21", "2 equals signs"),
        ("9=3+6", "no unknown"),
        ("(7.0*x)+4.0=(3.0*x)-20.0", "an unknown occurs 2 times"),
        ("x+y=3", "an unknown occurs 2 times"),
        ("x=3/(2-2)", "divides by zero"),
        ("0*x=3", "divides by zero"),
        ("x=2**3", "operation Pow"),
        ("x**2=9", "operation Pow"),
        ("x=7%2", "operation Mod"),
        ("x=__import__('os')", "an unknown occurs 2 times"),
        ("x='1'", "not arithmetic"),
        ("x=[1][0]", "not arithmetic"),
        ("x=True", "not arithmetic"),
        ("abs(x)=3", "an unknown occurs 2 times"),
        ("x=1e999", "not a finite number"),
        ("x=3+", "not an arithmetic expression"),
        ("x=", "not an arithmetic expression"),
        ("", "not an arithmetic expression"),
        ("x=" + "(" * 150 + "1" + ")" * 150, "longer than 200"),
        ("x=" + "1+" * 150 + "1", "longer than 200"),
    ],
)
def test_says_why_an_equation_cannot_be_worked(equation: str, reason: str) -> None:
    with pytest.raises(Unworkable, match=re.escape(reason)):
        work(equation)


@given(st.text(alphabet="0123456789.xy=+-*/()% eE_'[],j", max_size=40))
def test_any_text_is_worked_or_refused(text: str) -> None:
    try:
        worked = work(text)
    except Unworkable:
        return
    assert isinstance(worked.value, Fraction)


number = st.integers(1, 999)


@given(number, number, st.sampled_from("+-*/"), st.booleans(), st.booleans())
def test_an_isolated_unknown_solves_its_equation(
    a: int, x: int, operator: str, unknown_first: bool, flip: bool
) -> None:
    first, second = (Fraction(x), Fraction(a)) if unknown_first else (Fraction(a), Fraction(x))
    total = {"+": first + second, "-": first - second, "*": first * second, "/": first / second}[operator]
    left = f"x{operator}{a}" if unknown_first else f"{a}{operator}x"
    right = f"({total.numerator}/{total.denominator})" if total.denominator > 1 else str(total)
    equation = f"{right}={left}" if flip else f"{left}={right}"
    assert work(equation).value == x


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(48), "48"),
        (Fraction(-1, 2), "-0.5"),
        (Fraction(2, 3), "0.6667"),
        (Fraction(1000), "1000"),
        (Fraction(0), "0"),
        (Fraction(-1, 10**6), "0"),
        (Fraction(22090603), "22090603"),
        (Fraction("0.05"), "0.05"),
    ],
)
def test_formats_a_number(value: Fraction, text: str) -> None:
    assert format_number(value) == text


@given(st.fractions(-(10**9), 10**9))
def test_a_formatted_number_is_the_number_to_four_places(value: Fraction) -> None:
    assert abs(Fraction(format_number(value)) - value) <= Fraction(1, 20_000)
