from pathlib import Path

import pytest

from pelt_core.data import writing
from pelt_core.data.writing import NotWritable, check_writable, write_whole


def test_a_file_is_written_whole_or_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.jsonl"
    write_whole(path, "één\n")
    assert path.read_text(encoding="utf-8") == "één\n"

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(writing.os, "replace", fail)
    with pytest.raises(NotWritable, match="full"):
        write_whole(path, "other")
    assert path.read_text(encoding="utf-8") == "één\n" and list(tmp_path.iterdir()) == [path]


def test_a_place_is_made_ready_before_the_work(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "folder" / "rows.jsonl")
    assert (tmp_path / "new" / "folder").is_dir()
    with pytest.raises(NotWritable, match="it is a folder; name a file in it"):
        check_writable(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritable, match="its folder cannot be made"):
        check_writable(tmp_path / "file" / "rows.jsonl")
