"""The last equation that an output writes, computed by us: does it give the right answer, whatever is written for it?

A wrong final number has a wrong operation behind it, or a slip in arithmetic: "20 - 6 = 13. The answer is 13." is a
slip if 14 is right, for that is what the equation gives. Only the last equation is computed, with the numbers that it
has: to redo the steps before it as well changes the verdict on 6 in 1,000 answers of small models.
"""

import re
from fractions import Fraction
from typing import NamedTuple

from pelt_core.data.equations import Unworkable, work

_NUMBER = r"(?:\d+(?:\.\d+)?|\.\d+)"
_OPERAND = rf"-?\(*\s*-?{_NUMBER}(?:\s?%)?(?:\s*\))*"
_EXPRESSION = re.compile(rf"(?<![\w.]){_OPERAND}(?:\s*[-+*/]\s*{_OPERAND})+(?![\w.]*\w)")
_UNIT = r"(?:[ /]| ?-|(?<=\d))(?![b-zB-Z]\b)[A-Za-z'’]+"  # no letter alone: that is an unknown
_ALIKE = (
    (r"(?m)^\s*[-*•]\s+", ""),  # a list's bullets
    (r"(?<=\d),(?=\d{3}(?!\d))", ""),  # 1,234
    (r"[$£€] ?", ""),
    (r"[−–]", "-"),
    (r"÷", "/"),
    (r"≈", "="),
    (r"×|\s[xX]\s+(?=[\d.(])|(?<=\d)[xX](?=\d)", " * "),
    (r"(?<=[\d%])\s+of\s+(?=[\d.(])|(?<=[\d)])(?=\()", " * "),  # 1/2 of 10, 2(3 + 4)
    (rf"(?<=[\d%)])(?:{_UNIT})+(?=\s*[-+*/=)])", ""),
)
"""What is written in several ways, and the one way in which it is read."""


class Written(NamedTuple):
    """The last equation of an output.

    Attributes:
        text: its arithmetic side, without units, as in "150 * 75".
        value: what that gives, in percent if the result is written so; None if it divides by zero or is too long.

    """

    text: str
    value: Fraction | None


def last_equation(output: str) -> Written | None:
    """The last equation of an output that has an arithmetic side of numbers and operations; None if there is none.

    In "150 miles * 75 = 12,500 miles." it is 150 * 75, in "x = 70 - 27" 70 - 27, and in "4 * (3 + 2) = 4 * 5 = 21"
    4 * 5. An equation with an unknown on its arithmetic side is none.
    """
    for pattern, alike in _ALIKE:
        output = re.sub(pattern, alike, output)
    for found in reversed(list(_EXPRESSION.finditer(output))):
        before, after = output[: found.start()].rstrip(), output[found.end() :].lstrip()
        part_of_more = before.endswith(("+", "-", "*", "/")) or after.startswith(("+", "-", "*", "/"))
        if not part_of_more and (before.endswith("=") or after.startswith("=")):
            text, percent = _balanced(found[0]), re.match(rf"=\s*(-?{_NUMBER})\s?%", after)
            return Written(text, _value(text, percent and Fraction(percent[1])))
    return None


def _balanced(text: str) -> str:
    """The text in single spaces, without the brackets at its ends that open or close around more than it."""
    while text.count("(") > text.count(")") and text.startswith("("):
        text = text[1:]
    while text.count(")") > text.count("(") and text.endswith(")"):
        text = text[:-1].rstrip()
    return " ".join(text.split())


def _value(text: str, percent: Fraction | None) -> Fraction | None:
    """What `text` gives; if its result is written in percent, then that or a hundred times that, as is nearer."""
    try:
        value = work(re.sub(rf"({_NUMBER})\s?%", r"(\1/100)", text)).value
    except Unworkable:
        return None
    return value if percent is None else min(value, 100 * value, key=lambda candidate: abs(candidate - percent))
