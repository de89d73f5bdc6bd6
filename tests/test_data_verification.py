import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest
import small_mirror

from pelt_core.data.catalogue import DATASETS
from pelt_core.data.sources import FROM_HUB, DataNotFound, MalformedRows
from pelt_core.data.verification import Verified, verify


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    small_mirror.install(tmp_path, monkeypatch)
    for name in set(DATASETS) - {name for name, _ in small_mirror.RAW}:
        monkeypatch.delitem(DATASETS, name)
    return tmp_path


def found(mirror: Path) -> dict[str, Verified]:
    return {file.file: file for file in verify(mirror)}


def test_a_right_mirror_is_as_pinned(small: Path) -> None:
    files = found(small)
    assert set(files) == {f"{name}/{split}.jsonl.gz" for name, split in small_mirror.RAW}
    assert {file.state for file in files.values()} == {"as pinned"}
    assert files["gsm8k/test.jsonl.gz"].split == "gsm8k/test"


def test_what_differs_is_missing_or_belongs_to_no_split_is_told_apart(small: Path) -> None:
    small_mirror.write(small, "gsm8k", "test", ["{}"])
    (small / "svamp/test.jsonl.gz").unlink()
    small_mirror.write(small, "extra", "rows", ["{}"])
    files = found(small)
    assert files["gsm8k/test.jsonl.gz"].state == "differs"
    assert "expected 9 rows and sha256" in files["gsm8k/test.jsonl.gz"].note
    assert (files["svamp/test.jsonl.gz"].state, files["svamp/test.jsonl.gz"].note) == (
        "missing",
        "made from https://example.org",
    )
    assert files["extra/rows.jsonl.gz"].state == "not pinned"


@pytest.mark.parametrize(("rows", "state"), [(9, "counted"), (8, "differs")])
def test_a_file_without_a_pinned_sha256_is_counted(
    small: Path, monkeypatch: pytest.MonkeyPatch, rows: int, state: str
) -> None:
    small_mirror.pin_anew(monkeypatch, "gsm8k", "test", sha256=None)
    small_mirror.write(small, "gsm8k", "test", ["{}"] * rows)
    assert found(small)["gsm8k/test.jsonl.gz"].state == state


def test_a_file_from_the_hub_is_held_to_what_was_noted(small: Path) -> None:
    stored = small_mirror.write(small, "gsm8k", "test", ["{}"] * 9)
    (small / FROM_HUB).write_text(json.dumps({"gsm8k/test.jsonl.gz": hashlib.sha256(stored).hexdigest()}))
    assert found(small)["gsm8k/test.jsonl.gz"].state == "as written"
    small_mirror.write(small, "gsm8k", "test", ['{"a": 1}'] * 9)
    assert found(small)["gsm8k/test.jsonl.gz"].state == "differs"


@pytest.mark.parametrize("note", ["{", "[]", '"text"'])
def test_a_broken_note_is_named(small: Path, note: str) -> None:
    (small / FROM_HUB).write_text(note)
    with pytest.raises(MalformedRows, match=f"{FROM_HUB} must be a JSON object"):
        found(small)


def test_a_partial_file_is_said_to_be_one(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_mirror.pin_anew(monkeypatch, "gsm8k", "test", whole_rows=40)
    assert found(small)["gsm8k/test.jsonl.gz"].note == "PARTIAL: 9 of 40 rows"


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataNotFound, match="there is no folder"):
        found(tmp_path / "none")


def test_every_file_of_the_real_mirror_is_as_pinned_or_known_to_be_absent(mirror: Path) -> None:
    count = Counter(file.state for file in verify(mirror))
    assert set(count) <= {"as pinned", "as written", "missing", "not pinned"}
    pinned = [pin for card in DATASETS.values() for pin in card.splits.values() if pin.sha256]
    assert count["as pinned"] + count["as written"] >= len(pinned)
