import pytest

from pelt_core.backbones import BACKBONES
from pelt_core.catalogue import ALIASES, full_name
from pelt_core.counting import count_named


@pytest.mark.parametrize("name", [name for name, row in BACKBONES.items() if row.config])
def test_parameters_are_what_the_shapes_give(name: str) -> None:
    row = BACKBONES[name]
    assert count_named(name, "none").backbone == row.parameters


def test_rows_are_filed_under_their_names_and_say_what_they_are() -> None:
    for name, row in BACKBONES.items():
        assert row.name == name
        assert row.source in ("wheel", "extra", "random", "hub")
        assert row.licence and row.summary
        assert bool(row.config) is (row.source != "wheel")


def test_an_alias_is_short_and_means_one_backbone() -> None:
    assert len(ALIASES) == len([row for row in BACKBONES.values() if row.alias])
    assert not set(ALIASES) & set(BACKBONES)
    assert full_name("bert-base") == "google-bert/bert-base-uncased"
    assert full_name("tiny-bert") == "tiny-bert"
