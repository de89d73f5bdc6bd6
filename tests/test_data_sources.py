import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import small_mirror
from hypothesis import given
from hypothesis import strategies as st

from pelt_core import data
from pelt_core.data.catalogue import DATASETS, Pin
from pelt_core.data.sources import DataNotFound, MalformedRows, PinMismatch, check_file, raw_rows
from pelt_core.errors import PeltError

HUB = {"id": "openai/gsm8k", "config": "main", "split": "test", "revision": "main"}


def pin_of(stored: bytes, rows: int) -> Pin:
    return Pin(rows, "", "gsm8k/test.jsonl.gz", rows, hashlib.sha256(stored).hexdigest(), "https://example.org/test")


def pack(*lines: str) -> bytes:
    return gzip.compress("".join(line + "\n" for line in lines).encode())


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    small_mirror.install(tmp_path, monkeypatch)
    return tmp_path


def test_the_mirror_is_read_and_its_file_named(small: Path) -> None:
    located = raw_rows(DATASETS["gsm8k"].splits["test"])
    assert located.rows == small_mirror.RAW["gsm8k", "test"]
    assert located.where == str(small / "gsm8k/test.jsonl.gz")


def test_a_line_separator_inside_a_text_does_not_end_its_row() -> None:
    stored = pack(json.dumps({"question": "one\u2028two\x85three"}, ensure_ascii=False))
    assert check_file(stored, "here", pin_of(stored, 1)) == [{"question": "one\u2028two\x85three"}]


def test_another_sha256_is_refused_with_both(small: Path) -> None:
    raw = [{**row, "answer": row["answer"] + " "} for row in small_mirror.RAW["gsm8k", "test"]]
    stored = small_mirror.write(small, "gsm8k", "test", [json.dumps(row) for row in raw])
    expected, found = DATASETS["gsm8k"].splits["test"].sha256, hashlib.sha256(stored).hexdigest()
    with pytest.raises(PinMismatch, match=f"expected 9 rows and sha256 {expected}, found 9 rows and sha256 {found}"):
        data.load("gsm8k", "test")


def test_another_number_of_rows_is_refused_with_both(small: Path) -> None:
    raw = small_mirror.RAW["gsm8k", "test"]
    small_mirror.write(small, "gsm8k", "test", [json.dumps(row) for row in raw[:-2]])
    with pytest.raises(PinMismatch, match=r"expected 9 rows .* found 7 rows"):
        data.load("gsm8k", "test")


def test_a_cut_off_file_is_refused(small: Path) -> None:
    path = small / "gsm8k/test.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(PinMismatch, match=r"(?s)expected 9 rows.*not gzip'ed UTF-8 text"):
        data.load("gsm8k", "test")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        ("", "not JSON"),
        ('{"answer": NaN}', "NaN is not a finite number"),
        ('{"answer": Infinity}', "Infinity is not a finite number"),
        ("[1]", "must be a JSON object"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_malformed_line_is_named(line: str, reason: str) -> None:
    stored = pack('{"answer": 1}', line, '{"answer": 2}')
    with pytest.raises(MalformedRows, match=f"(?s)1 rows cannot be read.*here, line 2: .*{reason}"):
        check_file(stored, "here", pin_of(stored, 3))


def test_many_malformed_lines_are_counted_and_the_first_shown() -> None:
    stored = pack(*"?" * 8)
    with pytest.raises(MalformedRows, match=r"(?s)8 rows .*line 1.*line 5.*and 3 more") as caught:
        check_file(stored, "here", pin_of(stored, 8))
    assert "line 6" not in str(caught.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(stored: bytes) -> None:
    for candidate in (stored, gzip.compress(stored)):
        try:
            check_file(candidate, "here", pin_of(candidate, 1))
        except PeltError as error:
            assert "here" in str(error)


def hub_rows(monkeypatch: pytest.MonkeyPatch, rows: list[dict[str, Any]]) -> list[Any]:
    """Let the hub answer with `rows`; the calls it gets."""
    import datasets

    calls: list[Any] = []

    def load_dataset(*args: Any, **options: Any) -> datasets.Dataset:
        calls.append((args, options))
        return datasets.Dataset.from_list(rows)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return calls


def on_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    pin = DATASETS["gsm8k"].splits["test"]
    monkeypatch.setitem(DATASETS["gsm8k"].splits, "test", replace(pin, hub=HUB))


def test_without_a_mirror_the_hub_is_asked_and_gives_the_same_rows(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_hub(monkeypatch)
    mirrored = data.prepare("gsm8k", "test").rows
    calls = hub_rows(monkeypatch, small_mirror.RAW["gsm8k", "test"])
    monkeypatch.delenv("PELT_DATA")
    assert data.load("gsm8k", "test").to_list() == mirrored
    assert calls == [(("openai/gsm8k",), {"name": "main", "split": "test", "revision": "main"})]


def test_the_hub_is_asked_when_the_mirror_lacks_the_file(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_hub(monkeypatch)
    calls = hub_rows(monkeypatch, small_mirror.RAW["gsm8k", "test"])
    (small / "gsm8k/test.jsonl.gz").unlink()
    assert len(data.load("gsm8k", "test")) == 9
    assert len(calls) == 1


def test_hub_rows_that_differ_from_the_pin_are_refused(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_hub(monkeypatch)
    monkeypatch.delenv("PELT_DATA")
    expected = DATASETS["gsm8k"].splits["test"].content_sha256
    hub_rows(monkeypatch, small_mirror.RAW["gsm8k", "test"][:-1])
    with pytest.raises(PinMismatch, match=rf"openai/gsm8k \(main, test\).*expected 9 rows.*{expected}.*found 8 rows"):
        data.load("gsm8k", "test")


def test_hub_rows_with_other_fields_are_refused(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_hub(monkeypatch)
    monkeypatch.delenv("PELT_DATA")
    hub_rows(monkeypatch, [{"question": "What?", "final_ans": "3"}])
    with pytest.raises(MalformedRows, match=r"openai/gsm8k \(main, test\), line 1: field 'answer' is missing"):
        data.load("gsm8k", "test")


def test_found_nowhere_names_every_place_and_the_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELT_DATA", str(tmp_path))
    with pytest.raises(DataNotFound) as caught:
        data.load("gsm8k", "test")
    message = str(caught.value)
    assert f"there is no file {tmp_path / 'gsm8k/test.jsonl.gz'}" in message
    assert "the Hugging Face hub, openai/gsm8k (main, test): ConnectionError" in message
    assert "pelt data mirror FOLDER" in message
    assert "export PELT_DATA=FOLDER" in message
    assert isinstance(caught.value, FileNotFoundError)


def test_an_unset_mirror_and_a_set_that_no_hub_has_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PELT_DATA", raising=False)
    with pytest.raises(DataNotFound, match=r"(?s)PELT_DATA names no folder.*no copy of the same rows is known"):
        data.load("addsub", "test")


def test_the_mirror_is_not_written_to(small: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in small.rglob("*")}
    data.load("mawps-clean", "train")
    assert {path: path.stat().st_mtime_ns for path in small.rglob("*")} == before


def test_a_split_that_only_the_hub_has_names_its_partial_files(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = {"file": "gsm8k/whole.jsonl.gz", "file_rows": 40, "sha256": None, "source": None, "hub": HUB}
    small_mirror.pin_anew(monkeypatch, "gsm8k", "train", **absent)
    small_mirror.pin_anew(monkeypatch, "gsm8k", "test", whole_rows=40)
    with pytest.raises(DataNotFound) as caught:
        raw_rows(DATASETS["gsm8k"].splits["train"])
    message = str(caught.value)
    assert "PARTIAL files of it are splits of their own: gsm8k/test (9 of 40 rows)" in message
    assert "FOLDER/gsm8k/whole.jsonl.gz, one from the hub" in message
    assert "None" not in message


@pytest.mark.parametrize(
    "error", [RuntimeError("Dataset scripts are no longer supported\nbut"), KeyError(), TimeoutError()]
)
def test_whatever_the_hub_answers_is_told_in_a_line(
    small: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    import datasets

    def load_dataset(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    on_hub(monkeypatch)
    (small / "gsm8k/test.jsonl.gz").unlink()
    with pytest.raises(DataNotFound, match=rf"hub, openai/gsm8k \(main, test\): {type(error).__name__}: .*\nMend"):
        raw_rows(DATASETS["gsm8k"].splits["test"])
