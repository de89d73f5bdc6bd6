from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest

from pelt_core.anatomy import GROUPS, POSITIONS
from pelt_core.methods import GATES, METHODS, RECIPES
from pelt_core.specification import Group, Method, Term, parse


@pytest.mark.parametrize("name", METHODS)
def test_a_row_of_the_catalogue_is_whole(name: str) -> None:
    entry = METHODS[name]
    assert entry.equation.startswith(("y", "K", "θ")) and entry.summary
    assert set(entry.positions) <= set(entry.allowed) <= {*POSITIONS, *GROUPS}
    assert bool(entry.positions) == (entry.module is not None) == (entry.trains == "modules")
    assert entry.mergeable == hasattr(entry.module, "weight_change")
    assert parse(name) == Method((Group((Term(name, tuple(entry.defaults.items()), entry.positions),)),))


@pytest.mark.parametrize("name", GATES)
def test_a_gate_of_the_catalogue_is_whole(name: str) -> None:
    entry = GATES[name]
    assert entry.equation.startswith("g") and entry.summary
    assert name not in RECIPES
    assert str(parse(f"{name}*lora")) == f"{name}*lora@q,v"


@pytest.mark.parametrize("entry", [*METHODS.values(), *GATES.values()], ids=[*METHODS, *GATES])
def test_every_argument_has_a_type_that_a_specification_can_say_and_a_default_of_it(entry: object) -> None:
    for argument, default in entry.defaults.items():  # type: ignore[attr-defined]
        kind = entry.types[argument]  # type: ignore[attr-defined]
        if get_origin(kind) is Literal:
            assert default in get_args(kind)
        else:
            assert kind in (int, float, bool) and type(default) is kind, argument
            assert kind is bool or default in entry.ranges[argument]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("name", "spec"), RECIPES.items())
def test_a_recipe_is_another_name_of_its_specification(name: str, spec: str) -> None:
    assert name not in METHODS
    assert parse(name) == parse(spec)


def test_papers_are_in_the_bibliography(root: Path) -> None:
    cited = {entry.paper for entry in [*METHODS.values(), *GATES.values()]} - {""}
    bibliography = (root / "book" / "references.bib").read_text()
    assert not [key for key in cited if f"{{{key}," not in bibliography]
