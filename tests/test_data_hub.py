from pathlib import Path

import pytest
from datasets import Dataset

from pelt_core.data.catalogue import DATASETS
from pelt_core.data.hub import CONVERTED, address, hub_rows


def parts(folder: Path) -> None:
    """Two configs of two splits, laid out as the hub lays out what a loading script made."""
    for config in ("small", "large"):
        for split in ("train", "validation"):
            path = folder / config / split / "0000.parquet"
            path.parent.mkdir(parents=True)
            Dataset.from_list([{"config": config, "split": split, "options": ["a", "b"]}]).to_parquet(str(path))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    parts(tmp_path / "repository")
    return tmp_path / "repository"


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_converted_set_is_found_by_the_folder_of_its_config(repository: Path, split: str) -> None:
    hub = {"id": str(repository), "config": "large", "split": split, "revision": CONVERTED}
    assert hub_rows(hub) == [{"config": "large", "split": split, "options": ["a", "b"]}]


def test_a_set_that_declares_its_configs_is_found_by_name(repository: Path) -> None:
    declared = "".join(f"- config_name: {name}\n  data_dir: {name}\n" for name in ("small", "large"))
    (repository / "README.md").write_text(f"---\nconfigs:\n{declared}---\n")
    hub = {"id": str(repository), "config": "small", "split": "validation", "revision": "main"}
    assert hub_rows(hub) == [{"config": "small", "split": "validation", "options": ["a", "b"]}]


def test_an_address_names_what_a_reader_has_to_look_up() -> None:
    assert address({"id": "a/b", "config": "c", "split": "d", "revision": "main"}) == "a/b (c, d)"
    assert address({"id": "a/b", "config": "c", "split": "d", "revision": CONVERTED}) == f"a/b (c, d, {CONVERTED})"


def test_every_pinned_place_on_the_hub_is_complete() -> None:
    places = [pin.hub for card in DATASETS.values() for pin in card.splits.values() if pin.hub]
    assert len(places) > 40
    for hub in places:
        assert set(hub) == {"id", "config", "split", "revision"}
        assert hub["id"].count("/") == 1
        assert hub["revision"] in ("main", CONVERTED)
