from pathlib import Path

import pytest

from pelt_core import writing
from pelt_core.writing import NotWritable, check_writable, draft, write_whole


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


def test_each_draft_of_a_file_is_its_own_and_the_last_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "page.json"
    with draft(path) as first, draft(path) as second:
        first.write_bytes(b"first")
        second.write_bytes(b"second")
        assert not path.exists()
    assert path.read_bytes() == b"first" and list(tmp_path.iterdir()) == [path]


def test_what_is_raised_while_a_draft_is_written_leaves_the_file(tmp_path: Path) -> None:
    path = tmp_path / "page.json"
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt), draft(path) as unfinished:
        unfinished.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_a_place_is_made_ready_before_the_work(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "folder" / "rows.jsonl")
    assert (tmp_path / "new" / "folder").is_dir()
    with pytest.raises(NotWritable, match="it is a folder; name a file in it"):
        check_writable(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritable, match="its folder cannot be made"):
        check_writable(tmp_path / "file" / "rows.jsonl")
