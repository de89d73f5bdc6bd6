import logging
import os
from pathlib import Path
from typing import Any

import pytest
import small_mirror

from pelt_core import data
from pelt_core.data import arrow, rows
from pelt_core.data.sources import PinMismatch


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    small_mirror.install(tmp_path, monkeypatch)
    return tmp_path


def files() -> list[Path]:
    return sorted((arrow.cache_folder() / "data").iterdir())


def forbid_preparing(monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare(*_: Any) -> None:
        raise AssertionError("prepared again")

    monkeypatch.setattr(rows, "prepare", prepare)


@pytest.mark.parametrize(("name", "split"), [("gsm8k", "test"), ("mawps-clean", "train")])
def test_a_second_load_prepares_nothing(
    small: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, split: str
) -> None:
    with caplog.at_level(logging.INFO, "pelt_core"):
        first = data.load(name, split)
        said = caplog.text
        caplog.clear()
        forbid_preparing(monkeypatch)
        second = data.load(name, split)
    assert second.to_list() == first.to_list()
    assert second.features == first.features
    assert [str(files()[0])] == [entry["filename"] for entry in second.cache_files]
    assert caplog.text == said
    assert ("1 rows left out, as a test set has them" in said) == (name == "mawps-clean")


def test_a_changed_file_of_the_mirror_is_refused_although_its_rows_are_kept(small: Path) -> None:
    data.load("gsm8k", "test")
    small_mirror.write(small, "gsm8k", "test", ["{}"] * 9)
    with pytest.raises(PinMismatch, match="expected 9 rows and sha256"):
        data.load("gsm8k", "test")


def test_kept_rows_do_without_the_mirror(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = data.load("gsm8k", "test").to_list()
    (small / "gsm8k/test.jsonl.gz").unlink()
    assert data.load("gsm8k", "test").to_list() == first
    monkeypatch.delenv("PELT_DATA")
    assert data.load("gsm8k", "test").to_list() == first


def test_rows_pinned_otherwise_are_prepared_anew(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data.load("gsm8k", "test")
    raw = small_mirror.RAW["gsm8k", "test"]
    monkeypatch.setitem(small_mirror.RAW, ("gsm8k", "test"), [{**row, "question": "Other?"} for row in raw])
    small_mirror.install(small, monkeypatch)
    assert set(data.load("gsm8k", "test")["question"]) == {"Other?"}


@pytest.mark.parametrize("stored", [b"", b"not Arrow", None])
def test_a_broken_kept_file_is_made_again(
    small: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, stored: bytes | None
) -> None:
    first = data.load("gsm8k", "test").to_list()
    path = files()[0]
    path.write_bytes(path.read_bytes()[:-200] if stored is None else stored)
    assert data.load("gsm8k", "test").to_list() == first
    forbid_preparing(monkeypatch)
    assert data.load("gsm8k", "test").to_list() == first


def test_a_kept_file_with_other_rows_is_made_again(small: Path) -> None:
    data.load("svamp", "test")
    one = files()[0]
    first = data.load("gsm8k", "test").to_list()
    path = next(path for path in files() if path.name.startswith("gsm8k"))
    path.write_bytes(one.read_bytes())
    assert data.load("gsm8k", "test").to_list() == first


def test_a_cache_that_cannot_be_written_costs_only_time(small: Path, caplog: pytest.LogCaptureFixture) -> None:
    arrow.cache_folder().write_text("a file where the folder would be")
    assert len(data.load("gsm8k", "test")) == 9
    assert "gsm8k/test is not kept for the next time" in caplog.text


def test_nothing_is_left_half_written(small: Path) -> None:
    data.load("gsm8k", "test")
    assert [path.suffix for path in files()] == [".arrow"]
    assert os.access(files()[0], os.R_OK)
