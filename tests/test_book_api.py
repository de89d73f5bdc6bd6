"""The page that quotes the library's docstrings has every name that is meant to be imported."""

import re
from importlib import import_module
from pathlib import Path

import pytest

import pelt_core
from pelt_core import publish

pytest_plugins = ["built_book"]
TABLES = {"GATES", "METHODS", "RECIPES"}
"""Data, which the page on methods shows."""


@pytest.fixture(scope="module")
def names() -> set[tuple[str, str]]:
    """Module and name of all that the page documents."""
    found, module = set(), ""
    for directive, said in re.findall(
        r"^\.\. (currentmodule|autofunction|autoclass):: ([\w.]+)", (publish.ROOT / "book" / "api.md").read_text(), re.M
    ):
        if directive == "currentmodule":
            module = said
        else:
            found.add((module, said))
    return found


def test_every_public_name_is_documented(names: set[tuple[str, str]]) -> None:
    assert {name for module, name in names if module == "pelt_core"} == set(pelt_core.__all__) - TABLES


def test_what_the_readme_imports_is_documented(names: set[tuple[str, str]]) -> None:
    text = (publish.ROOT / "README.md").read_text()
    imported = re.findall(r"^from (pelt_core[\w.]*) import (.+)$", text, re.M)
    assert {(module, name) for module, listed in imported for name in listed.split(", ")} <= names


def test_every_documented_name_is_there_and_says_what_it_is(names: set[tuple[str, str]]) -> None:
    for module, name in names:
        assert getattr(import_module(module), name).__doc__, (module, name)


def test_signatures_and_what_is_refused_reach_the_reader(html: Path) -> None:
    page = (html / "api.html").read_text()
    assert 'id="pelt_core.train.fit"' in page and "micro_batch_tokens" in page and "BadSetting" in page
