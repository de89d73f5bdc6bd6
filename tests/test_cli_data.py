"""The commands that list, mirror and verify data."""

import json

import pytest
import small_mirror
from test_cli import pelt

from pelt_core.data.catalogue import DATASETS


@pytest.fixture
def small(tmp_path, monkeypatch):
    small_mirror.install(tmp_path, monkeypatch)
    for name in set(DATASETS) - {"mawps-clean"} - {name for name, _ in small_mirror.RAW}:
        monkeypatch.delitem(DATASETS, name)
    return tmp_path


def test_list_as_json_says_where_each_split_is(small, monkeypatch):
    (small / "svamp/test.jsonl.gz").unlink()
    small_mirror.pin_anew(monkeypatch, "gsm8k", "test", whole_rows=40)
    small_mirror.pin_anew(monkeypatch, "aqua", "test", file="absent.jsonl.gz", hub={"id": "owner/set"})
    cards = {card["name"]: card for card in json.loads(pelt("data", "list", "--json").stdout)}
    at = {
        f"{name}/{split['split']}": (split["at"], split["partial"])
        for name, card in cards.items()
        for split in card["splits"]
    }
    assert at["gsm8k/train"] == ("mirror", False)
    assert at["gsm8k/test"] == ("mirror", True)
    assert at["svamp/test"] == ("nowhere", False)
    assert at["aqua/test"] == ("hub", False)
    assert at["mawps-clean/train"] == ("made here", False)
    assert cards["aqua"]["answer_kind"] == "letter"
    shown = " ".join(pelt("data", "list").stdout.split())
    assert "test 9 of 40 PARTIAL" in shown
    assert "test 1 (hub)" in shown
    assert "test 1 (not here)" in shown


def test_list_needs_no_mirror(monkeypatch):
    monkeypatch.delenv("PELT_DATA", raising=False)
    cards = {card["name"]: card for card in json.loads(pelt("data", "list", "--json").stdout)}
    assert {"gsm8k", "boolq", "glue-sst2", "llm-adapters-published"} < set(cards)
    partial = [split["split"] for split in cards["hellaswag"]["splits"] if split["partial"]]
    assert partial == ["train_first3368", "train_sample1000", "test_sample1000"]


def test_mirror_says_what_is_there(small):
    done = pelt("data", "mirror", small)
    assert done.exit_code == 0
    assert f"there: {small}/gsm8k/test.jsonl.gz" in done.stderr


def test_mirror_ends_in_failure_where_a_file_is_wrong_and_in_its_own_code_where_one_is_not_published(
    small, monkeypatch
):
    small_mirror.pin_anew(monkeypatch, "svamp", "test", source="someone@0:by-hand")
    (small / "svamp/test.jsonl.gz").unlink()
    done = pelt("data", "mirror", small)
    assert done.exit_code == 3
    assert "not published" in done.stderr and "copy it from another mirror" in done.stderr
    small_mirror.write(small, "gsm8k", "test", ["{}"])
    done = pelt("data", "mirror", small)
    assert done.exit_code == 1
    assert "failed" in done.stderr and "is not the pinned file" in done.stderr


def test_verify_tells_by_its_exit_code_what_is_wrong(small):
    assert pelt("data", "verify").exit_code == 0
    (small / "svamp/test.jsonl.gz").unlink()
    done = pelt("data", "verify", small, "--json")
    assert done.exit_code == 3
    found = json.loads(done.stdout)
    assert found["count"] == {"as pinned": len(small_mirror.RAW) - 1, "missing": 1}
    assert [file["split"] for file in found["files"] if file["state"] == "missing"] == ["svamp/test"]
    small_mirror.write(small, "gsm8k", "test", ["{}"])
    done = pelt("data", "verify")
    assert done.exit_code == 1
    assert "1 differs" in done.stdout and "1 missing" in done.stdout


def test_verify_needs_a_mirror(monkeypatch):
    monkeypatch.delenv("PELT_DATA", raising=False)
    done = pelt("data", "verify")
    assert done.exit_code == 2
    assert "export PELT_DATA=FOLDER" in done.stderr
