"""Colours and marks: legible on both grounds, told apart, and the same for a combination with and without gates."""

import itertools

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.markers import MarkerStyle

from pelt_core.report import style

MAIN = ("full", "head", "bitfit", "adapter", "prefix", "lora", "ap", "apl")
PLACED = ("series", "parallel", "lora", "prefix", "full", "head", "none")


def linear(colour):
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    low, high = sorted(linear(colour) @ [0.2126, 0.7152, 0.0722] for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def oklab(colour):
    """Coordinates in which distances are those that the eye sees (Ottosson 2020)."""
    cones = np.array(
        [[0.41222147, 0.53633254, 0.05144599], [0.2119035, 0.68069955, 0.10739696], [0.08830246, 0.28171884, 0.6299787]]
    )
    axes = np.array(
        [
            [0.21045426, 0.79361779, -0.00407205],
            [1.97799849, -2.42859221, 0.45059371],
            [0.0259040, 0.78277177, -0.80867577],
        ]
    )
    return axes @ np.cbrt(cones @ linear(colour))


@pytest.mark.parametrize("ground", [style.LIGHT, style.DARK])
@pytest.mark.parametrize("colour", [*style.HUES.values(), style.INK])
def test_every_colour_reads_on_light_and_dark(colour, ground):
    assert contrast(colour, ground) > 4


@pytest.mark.parametrize("together", [MAIN, PLACED])
def test_methods_that_are_compared_have_hues_that_are_told_apart(together):
    for one, other in itertools.combinations(together, 2):
        apart = np.linalg.norm(oklab(style.COLOURS[one]) - oklab(style.COLOURS[other]))
        assert apart > 0.065, (one, other)


def test_no_two_methods_look_the_same_but_for_a_series_adapter_by_its_two_names():
    looks = {}
    for method in style.MARKS:
        looks.setdefault(str(style.mark(method)), []).append(method)
    assert [methods for methods in looks.values() if len(methods) > 1] == [["series", "adapter"]]


@pytest.mark.parametrize("combination", ["ap", "apl"])
def test_without_gates_a_combination_has_its_colour_and_a_hollow_mark(combination):
    gated, free = style.mark(combination), style.mark(f"{combination}-nogate")
    assert gated == {**free, "markerfacecolor": gated["color"]} and free["markerfacecolor"] == "none"


@pytest.mark.parametrize("method", style.MARKS)
def test_every_mark_is_one_of_matplotlib(method):
    assert len(MarkerStyle(style.mark(method)["marker"]).get_path().vertices) > 1


def test_figures_are_transparent_and_keep_their_text_as_outlines():
    with mpl.rc_context():
        style.use_style()
        assert mpl.rcParams["figure.facecolor"] == "none" and mpl.rcParams["svg.fonttype"] == "path"
