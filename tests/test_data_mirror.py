import gzip
import json
from pathlib import Path

import pytest
import small_mirror

from pelt_core import data
from pelt_core.data.catalogue import DATASETS
from pelt_core.data.mirror import make_mirror, pack
from pelt_core.data.sources import DataNotFound, PinMismatch


def rows_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().rstrip("\n").split("\n")]


@pytest.mark.parametrize("indent", [None, 4])
def test_a_json_list_and_json_lines_are_packed_alike(indent: int | None) -> None:
    rows = [{"b": "é\u2028", "a": 1.0}, {"b": "two", "a": None}]
    lines = "\n".join(json.dumps(row) for row in rows).encode()
    stored = pack(json.dumps(rows, indent=indent).encode())
    assert stored == pack(lines) == pack(lines + b"\n")
    assert gzip.decompress(stored).decode() == '{"b": "é\u2028", "a": 1.0}\n{"b": "two", "a": null}\n'
    assert stored[4:8] == bytes(4)  # no time: the same bytes whenever they are made


def test_one_row_alone_is_json_lines() -> None:
    assert gzip.decompress(pack(b'{"a": 1}')) == b'{"a": 1}\n'


def test_a_publisher_out_of_reach_is_named(tmp_path: Path) -> None:
    def fetch(url: str) -> bytes:
        raise TimeoutError("timed out")

    with pytest.raises(DataNotFound, match=r"openai/grade-school-math.*timed out.*where there is a network"):
        next(make_mirror(tmp_path, fetch))
    assert not list(tmp_path.rglob("*"))


def test_what_is_not_the_pinned_file_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(PinMismatch, match="expected 7473 rows and sha256 .* found 1 rows"):
        next(make_mirror(tmp_path, lambda url: b'{"question": "changed"}'))
    assert not list(tmp_path.rglob("*"))


def test_a_wrong_file_in_the_mirror_is_refused(tmp_path: Path) -> None:
    small_mirror.write(tmp_path, "gsm8k", "train", ["{}"])
    with pytest.raises(PinMismatch, match="expected 7473 rows"):
        next(make_mirror(tmp_path, lambda url: b""))


def test_a_mirror_is_made_from_what_the_publishers_serve(
    tmp_path: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = {
        pin.source: rows_of(mirror / pin.file) for card in DATASETS.values() for pin in card.splits.values() if pin.file
    }
    asked = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return json.dumps(served[url], indent=4).encode()

    made = list(make_mirror(tmp_path, fetch))
    assert [path.read_bytes() for path in made] == [(mirror / path.relative_to(tmp_path)).read_bytes() for path in made]
    assert list(make_mirror(tmp_path, fetch)) == made
    assert len(asked) == len(served) == len(made)
    monkeypatch.setenv("PELT_DATA", str(tmp_path))
    assert len(data.load("mawps-clean", "train")) == DATASETS["mawps-clean"].splits["train"].rows
