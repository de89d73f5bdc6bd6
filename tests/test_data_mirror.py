import bz2
import gzip
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from http.client import IncompleteRead
from pathlib import Path
from typing import Any

import pytest
import small_mirror

from pelt_core import data
from pelt_core.data.catalogue import DATASETS, Pin
from pelt_core.data.mirror import make_mirror, pack, pinned_files, published_rows
from pelt_core.data.sources import FROM_HUB, raw_rows

ROWS = [{"b": "é\u2028", "a": 1.0}, {"b": "two", "a": None}]
HUB = {"id": "owner/set", "config": "plain", "split": "train", "revision": "refs/convert/parquet"}


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().rstrip("\n").split("\n")]


def made_of(folder: Path, fetch: Callable[[str], bytes]) -> dict[str, tuple[str, str]]:
    return {made.file: (made.state, made.reason) for made in make_mirror(folder, fetch)}


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Pin]:
    """Leaves one split to pin, with what the test says of it."""

    def leave(**changed: Any) -> Pin:
        pin = replace(DATASETS["gsm8k"].splits["test"], **changed)
        for name in list(DATASETS):
            monkeypatch.setitem(DATASETS, name, replace(DATASETS[name], splits={}))
        DATASETS["gsm8k"].splits["test"] = pin
        return pin

    return leave


def from_hub(monkeypatch: pytest.MonkeyPatch, rows: list[dict[str, Any]]) -> list[Any]:
    import datasets

    calls: list[Any] = []

    def load_dataset(*args: Any, **options: Any) -> datasets.Dataset:
        calls.append((args, options))
        return datasets.Dataset.from_list(rows)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return calls


@pytest.mark.parametrize("indent", [None, 4])
def test_a_json_list_and_json_lines_are_read_alike(indent: int | None) -> None:
    lines = "\n".join(json.dumps(row) for row in ROWS).encode()
    listed = json.dumps(ROWS, indent=indent).encode()
    assert published_rows("a.json", listed) == published_rows("a", lines) == published_rows("a", lines + b"\n") == ROWS
    assert published_rows("a.json", b'{"a": 1}') == [{"a": 1}]


def test_a_list_inside_an_object_and_hellaswag_as_text_are_read() -> None:
    assert published_rows("a.json#dev", json.dumps({"dev": ROWS, "test": []}).encode()) == ROWS
    text = bz2.compress(b"Cooking: She\n2\na\nb\nc\nd\nRunning: He\n0\ne\nf\ng\nh\n")
    assert published_rows("a.txt.bz2", text) == [
        {"query": "Cooking: She", "gold": 2, "choices": ["a", "b", "c", "d"]},
        {"query": "Running: He", "gold": 0, "choices": ["e", "f", "g", "h"]},
    ]


def test_rows_are_packed_to_the_same_bytes_whenever_they_are_made() -> None:
    stored = pack(ROWS)
    assert gzip.decompress(stored).decode() == '{"b": "é\u2028", "a": 1.0}\n{"b": "two", "a": null}\n'
    assert stored[4:8] == bytes(4)


def test_a_file_in_parts_is_put_together(tmp_path: Path, only: Callable[..., Pin]) -> None:
    sha256 = hashlib.sha256(pack(ROWS)).hexdigest()
    pin = only(file_rows=2, sha256=sha256, source="https://one#key + https://two")
    served = {"https://one": json.dumps({"key": ROWS[:1]}), "https://two": json.dumps(ROWS[1:])}
    assert made_of(tmp_path, lambda url: served[url].encode()) == {pin.file: ("from its publisher", "")}
    assert rows_of(tmp_path / str(pin.file)) == ROWS


def test_a_publisher_out_of_reach_is_named_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(url: str) -> bytes:
        raise TimeoutError("timed out")

    made = made_of(tmp_path, fetch)
    state, reason = made["gsm8k/train.jsonl.gz"]
    assert state == "failed"
    assert "openai/grade-school-math" in reason and "timed out" in reason and "where there is a network" in reason
    assert "ybisk/piqa (plain_text, train, refs/convert/parquet)" in made["piqa/train.jsonl.gz"][1]
    assert made["glue_qqp/train_balanced10117.jsonl.gz"][0] == "not published"
    assert len(made) == len(pinned_files())
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"question": "changed"}', "expected 1319 rows and sha256 .* found 1 rows"),
        (b"<html>", "is not what its publisher stored there"),
        (b"\xff\xfe", "is not what its publisher stored there"),
    ],
)
def test_what_is_not_the_pinned_file_is_not_written(
    tmp_path: Path, only: Callable[..., Pin], content: bytes, reason: str
) -> None:
    pin = only()
    [(state, said)] = made_of(tmp_path, lambda url: content).values()
    assert state == "failed"
    assert re.search(reason, said)
    assert not (tmp_path / str(pin.file)).exists()


def test_a_wrong_file_in_the_mirror_is_refused(tmp_path: Path, only: Callable[..., Pin]) -> None:
    only()
    small_mirror.write(tmp_path, "gsm8k", "test", ["{}"])
    [(state, said)] = made_of(tmp_path, lambda url: b"").values()
    assert state == "failed" and "expected 1319 rows" in said


def test_a_file_from_the_hub_is_held_to_the_sha256_it_was_written_with(
    tmp_path: Path, only: Callable[..., Pin], monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = only(file_rows=2, source="somebody@0:rows.tsv", hub=HUB)
    calls = from_hub(monkeypatch, ROWS)
    assert made_of(tmp_path, bytes) == {pin.file: ("from the hub", "")}
    assert calls == [(("owner/set",), {"data_dir": "plain", "split": "train", "revision": "refs/convert/parquet"})]
    path = tmp_path / str(pin.file)
    assert json.loads((tmp_path / FROM_HUB).read_text()) == {pin.file: hashlib.sha256(path.read_bytes()).hexdigest()}
    assert made_of(tmp_path, bytes) == {pin.file: ("there", "")}
    monkeypatch.setenv("PELT_DATA", str(tmp_path))
    assert raw_rows(pin).rows == ROWS

    path.write_bytes(pack(ROWS[::-1]))
    [(state, said)] = made_of(tmp_path, bytes).values()
    assert state == "failed" and "is not the pinned file: expected 2 rows" in said
    assert len(calls) == 1


def test_rows_of_the_hub_are_counted(tmp_path: Path, only: Callable[..., Pin], monkeypatch: pytest.MonkeyPatch) -> None:
    only(file_rows=3, sha256=None, source=None, hub=HUB)
    from_hub(monkeypatch, ROWS)
    [(state, said)] = made_of(tmp_path, bytes).values()
    assert state == "failed" and "expected 3 rows and sha256 any, found 2 rows" in said
    assert not list(tmp_path.rglob("*"))


def test_a_mirror_is_made_from_what_the_publishers_serve(
    tmp_path: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = {"gsm8k", "svamp", "multiarith", "addsub", "singleeq", "aqua", "mawps", "mathqa"}
    for name in set(DATASETS) - sets - {"mawps-clean"}:
        monkeypatch.setitem(DATASETS, name, replace(DATASETS[name], splits={}))
    pinned = {str(pin.source): pin for pin in pinned_files() if pin.sha256}
    asked = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return json.dumps(rows_of(mirror / str(pinned[url].file)), indent=4).encode()

    first = made_of(tmp_path, fetch)
    assert Counter(state for state, _ in first.values()) == {"from its publisher": len(pinned), "failed": 2}
    there = [file for file, (state, _) in first.items() if state != "failed"]
    assert all((tmp_path / file).read_bytes() == (mirror / file).read_bytes() for file in there)
    again = made_of(tmp_path, fetch)
    assert Counter(state for state, _ in again.values()) == {"there": len(pinned), "failed": 2}
    assert len(asked) == len(pinned)
    monkeypatch.setenv("PELT_DATA", str(tmp_path))
    assert len(data.load("mawps-clean")) == DATASETS["mawps-clean"].splits["train"].rows


def test_the_mirrors_own_rows_pack_to_the_pinned_bytes(mirror: Path) -> None:
    for pin in pinned_files():
        if pin.sha256 and str(pin.source).startswith("https://"):
            stored = pack(rows_of(mirror / str(pin.file)))
            assert hashlib.sha256(stored).hexdigest() == pin.sha256, pin.file


def test_a_cut_connection_and_a_place_that_cannot_be_written_are_failures_of_their_file(
    tmp_path: Path, only: Callable[..., Pin]
) -> None:
    def cut(url: str) -> bytes:
        raise IncompleteRead(b"half")

    stored = pack(ROWS)
    pin = only(file_rows=2, sha256=hashlib.sha256(stored).hexdigest(), source="https://example.org/a", hub=None)
    state, reason = made_of(tmp_path / "cut", cut)[str(pin.file)]
    assert (state, "cannot be fetched" in reason) == ("failed", True)
    (tmp_path / "file").touch()
    state, reason = made_of(tmp_path / "file", lambda url: json.dumps(ROWS).encode())[str(pin.file)]
    assert (state, str(tmp_path / "file") in reason) == ("failed", True)
