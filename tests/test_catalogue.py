import pytest

from pelt_core.backbones import BACKBONES, meta_model


@pytest.mark.parametrize("name", [name for name, row in BACKBONES.items() if row.config])
def test_parameters_are_what_the_shapes_give(name: str) -> None:
    row = BACKBONES[name]
    if row.architecture in ("bert", "roberta"):
        counted = meta_model(name, task="classification").base_model.num_parameters()
    else:
        counted = meta_model(name).num_parameters()
    assert counted == row.parameters


def test_rows_are_filed_under_their_names_and_say_what_they_are() -> None:
    for name, row in BACKBONES.items():
        assert row.name == name
        assert row.source in ("wheel", "random", "hub")
        assert row.licence and row.summary
        assert bool(row.config) is (row.source != "wheel")
