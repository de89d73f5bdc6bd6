"""Taking the fields of a published row, with a word on each that is not what its dataset promises."""

import math
from fractions import Fraction
from typing import Any, Protocol


class BadRow(ValueError):
    """A row that is not what its dataset promises; the message is the reason."""


class Item(Protocol):
    """What a reader makes of a published row: a dataclass with these two and the columns that the row is to have."""

    @property
    def key(self) -> int:
        """Orders and names the row within its split."""

    @property
    def flaw(self) -> str:
        """Why the row has no usable solution; "" if it has one."""


def text(raw: dict[str, Any], field: str) -> str:
    """A field that must be a text with something in it, without the space around it."""
    value = raw.get(field)
    if not isinstance(value, str) or not value.strip():
        state = "missing" if field not in raw else "empty" if isinstance(value, str) else f"{value!r}, not a text"
        raise BadRow(f"field {field!r} is {state}")
    return value.strip()


def whole(raw: dict[str, Any], field: str) -> int:
    """A field that must be a whole number of at least 0."""
    value = raw.get(field)
    if not isinstance(value, int) or value < 0:
        raise BadRow(f"field {field!r} must be a whole number, and is {value!r}")
    return value


def number(value: Any, what: str) -> Fraction:
    """A value that must be, or be written as, a finite number; `what` names it in the complaint."""
    try:
        if not math.isfinite(float(str(value))):  # before Fraction, which would write out 1e999999999
            raise ValueError
        return Fraction(str(value))
    except ValueError:
        raise BadRow(f"{what} must be a finite number, and is {value!r}") from None
