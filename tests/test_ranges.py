from __future__ import annotations

import math

import pytest

from pelt_core.ranges import Range


@pytest.mark.parametrize(
    ("valid", "inside", "outside", "said"),
    [
        (Range(), [-1e9, 0, 1e9], [math.inf, -math.inf, math.nan], "-inf to inf"),
        (Range(0, 0.99), [0, 0.99], [-0.1, 1, math.nan], "0 to 0.99"),
        (Range(0, above=True), [5e-324, 7], [0, -0.0, -1, math.inf, math.nan], "above 0"),
        (Range(1), [1, 10**9], [0, math.inf], "1 to inf"),
    ],
)
def test_what_is_in_a_range(valid: Range, inside: list[float], outside: list[float], said: str) -> None:
    assert all(value in valid for value in inside)
    assert not any(value in valid for value in outside)
    assert str(valid) == said
