"""Names beside points are where they can be read, and their leaders do not cross."""

from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from pelt_core.report.labels import GUTTER, Name, is_far, name_column, spread


@pytest.mark.parametrize("places", [[0.5, 0.49, 0.485, 0.1], [0.3, 0.3, 0.3], [0.9, 0.5], [0.2], []])
def test_names_are_apart_in_their_order_and_about_their_points(places: list[float]) -> None:
    found = spread(np.array(places), 0.05)
    assert (np.diff(found) <= -0.05 + 1e-9).all()
    assert not places or found.mean() == pytest.approx(np.mean(places))


def test_names_that_have_room_stay_beside_their_points() -> None:
    assert spread(np.array([0.9, 0.5, 0.1]), 0.05) == pytest.approx([0.9, 0.5, 0.1])


def test_no_name_leaves_the_axes() -> None:
    found = spread(np.array([0.99, 0.98, 0.97, 0.96, 0.0]), 0.2)
    assert found == pytest.approx([1, 0.8, 0.6, 0.4, 0])


@pytest.mark.parametrize("value, far", [(7.1, False), (6.0, True), (10.0, False), (13.9, True)])
def test_what_is_near_the_range_is_drawn(value: float, far: bool) -> None:
    assert is_far(value, 8, 12) is far


def test_leaders_keep_the_order_of_the_points_and_end_at_their_own_names() -> None:
    _, axis = plt.subplots()
    names = [Name(f"{x} {y}", x, y, "#000000") for x, y in ((1, 5), (9, 4.9), (3, 4.8), (7, 4.7), (5, 1))]
    for name in names:
        axis.plot(name.x, name.y, "o")
    name_column(axis, names)
    drawn = [(line.get_transform() == axis.transAxes, np.asarray(line.get_ydata())) for line in axis.lines]
    bends = [ends for beside, ends in drawn if beside]
    level = [ends for beside, ends in drawn if not beside and len(ends) == 2]
    assert np.array_equal(level, [[name.y] * 2 for name in names]), "level up to the edge"
    for one, other in combinations(bends, 2):
        assert (one > other).all(), "in one order at both ends"
    for text, ends, name in zip(axis.texts, bends, names, strict=True):
        assert text.get_text() == name.text and text.get_position() == (GUTTER, ends[1])
    plt.close("all")
