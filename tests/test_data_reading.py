import hashlib
import json
from pathlib import Path

import pytest
import small_mirror

from pelt_core.data.catalogue import DATASETS
from pelt_core.data.reading import READERS, Prepared, checked, content_sha256, read
from pelt_core.data.rows import DERIVED
from pelt_core.data.sources import MalformedRows, PinMismatch


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    small_mirror.install(tmp_path, monkeypatch)
    return tmp_path


def test_every_set_has_a_reader_or_a_maker() -> None:
    assert set(DATASETS) == set(READERS) | set(DERIVED)
    for name, card in DATASETS.items():
        assert {pin.file is not None for pin in card.splits.values()} == {name in READERS}, name


def test_rows_are_named_by_their_keys_and_in_their_order(small: Path) -> None:
    prepared = read("mawps", "train")
    assert [row["id"] for row in prepared.rows] == ["mawps-train-00002", "mawps-train-00003", "mawps-train-00007"]
    assert list(prepared.flaws) == ["mawps-train-00004"]
    assert prepared.where == str(small / "mawps/train.jsonl.gz")
    assert prepared.remark == "1 rows have no usable solution"


def test_the_content_is_the_values_of_each_row_a_line() -> None:
    rows = [{"id": "a", "choices": ["x", "é"], "gold": 1}, {"id": "b", "choices": [], "gold": 0}]
    lines = "".join(json.dumps(line) + "\n" for line in (["a", ["x", "é"], 1], ["b", [], 0]))
    assert content_sha256(rows) == hashlib.sha256(lines.encode()).hexdigest()


def test_rows_whose_content_is_not_pinned_are_counted(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_mirror.pin_anew(monkeypatch, "gsm8k", "test", content_sha256="")
    row = {"id": "gsm8k-test-0", "question": "?", "solution": "", "answer": "1"}
    assert checked("gsm8k", "test", Prepared([row] * 9, "here", {})).rows == [row] * 9
    with pytest.raises(PinMismatch, match="expected 9 rows and content sha256 any, found 8 rows"):
        checked("gsm8k", "test", Prepared([row] * 8, "here", {}))


def test_a_row_of_another_encoding_is_counted_and_named(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = small_mirror.RAW["svamp", "test"] * 2
    monkeypatch.setitem(small_mirror.RAW, ("svamp", "test"), [raw[0], {**raw[1], "Answer": "\ufffd"}])
    with pytest.raises(MalformedRows, match=r"(?s)1 rows cannot be read.*svamp/test.jsonl.gz, line 2: .*finite number"):
        small_mirror.install(small, monkeypatch)
