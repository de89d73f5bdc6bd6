import json
from pathlib import Path

import pytest
import small_mirror

from pelt_core.data.audit.report import audit
from pelt_core.data.audit.sets import AuditedSet

SETS = (
    AuditedSet("MAWPS", "arithmetic", "train", "mawps", ("train",)),
    AuditedSet("Cleaned", "arithmetic", "train", "mawps-clean", ("train",)),
    AuditedSet("MultiArith", "arithmetic", "evaluation", "multiarith", ("test",)),
    AuditedSet("AQuA", "arithmetic", "evaluation", "aqua", ("test",)),
)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    small_mirror.install(tmp_path, monkeypatch)
    return tmp_path


def test_a_leak_is_found_and_the_cleaned_set_has_none(small: Path) -> None:
    found = audit(SETS)
    (overlap,) = found["overlaps"]
    assert overlap == {
        "training": "MAWPS",
        "evaluation": "MultiArith",
        **{"exact": 0, "normalised": 1, "masked": 1, "near": 1, "train": 1},
    }
    assert found["leaked"] == {
        "MAWPS": {"exact": 0, "normalised": 1, "masked": 1},
        "Cleaned": {"exact": 0, "normalised": 0, "masked": 0},
    }


def test_sets_are_described_and_their_files_named_by_hash(small: Path) -> None:
    described = {(one["title"], one["role"]): one for one in audit(SETS)["sets"]}
    mawps, aqua = described["MAWPS", "train"], described["AQuA", "evaluation"]
    assert mawps["rows"] == 4 and mawps["majority"] is None and len(mawps["files"]["mawps/train"]) == 64
    assert (aqua["labels"], aqua["majority"], aqua["words"]["longest"]) == (1, 1.0, 1)
    assert len(described["Cleaned", "train"]["files"]["mawps-clean/train"]) == 64


def test_sets_that_are_nowhere_are_named(small: Path) -> None:
    (small / "multiarith" / "test.jsonl.gz").unlink()
    only = audit((SETS[0], SETS[2]))
    assert only["absent"] == [{"title": "MultiArith", "role": "evaluation"}] and only["overlaps"] == []


def test_the_result_is_json_without_any_text_of_the_data(small: Path) -> None:
    text = json.dumps(audit(SETS))
    assert "cats" not in text and json.loads(text) == audit(SETS)
