import json
from pathlib import Path

import pytest
import small_mirror

from pelt_core import data
from pelt_core.data import arrow, at_hand, rows
from pelt_core.data.reading import Prepared

ROW = {"id": "mawps-train-0", "question": "?", "solution": "", "answer": "1"}


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    small_mirror.install(tmp_path, monkeypatch)
    return tmp_path


def make(monkeypatch: pytest.MonkeyPatch, *made: Prepared) -> list[Prepared]:
    """Let "mawps-clean" be a set whose content is not pinned, made into each of `made` in turn."""
    small_mirror.pin_anew(monkeypatch, "mawps-clean", "train", content_sha256="")
    queue = list(made)
    monkeypatch.setitem(rows.DERIVED, "mawps-clean", lambda split: queue.pop(0))
    return queue


def test_the_fingerprint_follows_the_files_of_the_mirror(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = at_hand.fingerprint()
    small_mirror.write(small, "no", "pin", ["{}"])
    assert at_hand.fingerprint() == one
    small_mirror.write(small, "gsm8k", "test", ["{}"])
    two = at_hand.fingerprint()
    (small / "gsm8k/test.jsonl.gz").unlink()
    three = at_hand.fingerprint()
    monkeypatch.delenv("PELT_DATA")
    assert len({one, two, three, at_hand.fingerprint()}) == 4


def test_rows_that_no_pin_names_are_kept_for_as_long_as_the_mirror_is_the_same(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = make(monkeypatch, Prepared([ROW], "here", {}), Prepared([ROW, ROW], "here", {}))
    assert len(data.load("mawps-clean")) == len(data.load("mawps-clean")) == 1
    (small / "svamp/test.jsonl.gz").unlink()
    assert len(data.load("mawps-clean")) == 2
    assert not queue


@pytest.mark.parametrize(("silent", "left"), [(True, 1), (False, 0)])
def test_rows_that_the_hub_may_add_to_are_kept_only_if_it_may_not_be_asked(
    small: Path, monkeypatch: pytest.MonkeyPatch, silent: bool, left: int
) -> None:
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", silent)
    partial = Prepared([ROW], "here", {}, missing={"hellaswag": 5})
    queue = make(monkeypatch, partial, partial)
    assert data.load("mawps-clean").to_list() == data.load("mawps-clean").to_list() == [ROW]
    assert len(queue) == left


def test_a_file_whose_content_is_not_pinned_is_read_again_when_it_changes(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_mirror.pin_anew(monkeypatch, "gsm8k", "test", content_sha256="", sha256=None)
    assert set(data.load("gsm8k", "test")["answer"]) == {str(number + 2) for number in range(9)}
    raw = [{**row, "answer": "#### 7"} for row in small_mirror.RAW["gsm8k", "test"]]
    small_mirror.write(small, "gsm8k", "test", [json.dumps(row) for row in raw])
    assert set(data.load("gsm8k", "test")["answer"]) == {"7"}


def test_the_digest_of_rows_that_no_pin_names_is_of_the_rows(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(monkeypatch, Prepared([ROW], "here", {}), Prepared([{**ROW, "answer": "2"}], "here", {}))
    one = data.digest("mawps-clean:1", [])
    assert one == data.digest("mawps-clean:1", [])
    (small / "svamp/test.jsonl.gz").unlink()
    assert data.digest("mawps-clean:1", []) != one
    assert len(list((arrow.cache_folder() / "data").iterdir())) == 2
