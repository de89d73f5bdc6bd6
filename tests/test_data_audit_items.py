import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import small_mirror

from pelt_core.data.audit.items import label, read, text
from pelt_core.data.audit.sets import AuditedSet
from pelt_core.data.catalogue import DATASETS
from pelt_core.data.sources import DataNotFound


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    small_mirror.install(tmp_path, monkeypatch)
    return tmp_path


def arithmetic(name: str, *splits: str, instead: tuple[str, ...] = ()) -> AuditedSet:
    return AuditedSet(name, "arithmetic", "train", name, splits, instead)


def test_rows_without_a_usable_solution_are_items_too(small: Path) -> None:
    items = read(arithmetic("mawps", "train"))
    assert sorted(items.texts) == ["Six halved ?", "Tim has 3.0 cats . How many ?", "Two balls and 5 more ?", "Wrong"]
    assert items.labels == [] and items.flaws == {}


def test_several_splits_are_one_set_with_all_their_rows(small: Path) -> None:
    assert len(read(arithmetic("gsm8k", "train", "test")).texts) == 18
    assert len(read(arithmetic("gsm8k", "train", "train")).texts) == 18


def test_parts_stand_in_for_a_split_that_is_nowhere_and_share_rows_that_count_once(small: Path) -> None:
    (small / "gsm8k" / "test.jsonl.gz").unlink()
    instead = read(arithmetic("gsm8k", "train", "test", instead=("train", "train")))
    assert len(instead.texts) == 9 and instead.splits == ("train", "train")
    with pytest.raises(DataNotFound):
        read(arithmetic("gsm8k", "test"))


def test_a_derived_set_is_read_as_it_is_prepared(small: Path) -> None:
    assert sorted(read(arithmetic("mawps-clean", "train")).texts) == ["Six halved ?", "Two balls and 5 more ?"]


def test_rows_that_are_no_items_are_counted_with_the_reason(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ['{"question": "Good?", "answer": "#### 1"}', *['{"question": " ", "answer": "#### 1"}'] * 2]
    stored = small_mirror.write(small, "gsm8k", "test", lines)
    splits = DATASETS["gsm8k"].splits
    pinned = replace(splits["test"], file_rows=3, sha256=hashlib.sha256(stored).hexdigest())
    monkeypatch.setitem(splits, "test", pinned)
    items = read(arithmetic("gsm8k", "test"))
    assert items.texts == ["Good?"] and items.flaws == Counter({"field 'question' is empty": 2})


@pytest.mark.parametrize(
    ("row", "shown", "answer"),
    [
        ({"question": "Which? Answer Choices: (A) 1 (B) 2", "answer": "B"}, "Which?", "B"),
        ({"question": "as shown", "stem": "Ice is", "choices": ["hot", "cold"], "gold": 1}, "Ice is hot cold", "2"),
        ({"question": "", "stem": "Is ice cold?", "choices": ["yes", "no"], "gold": 0}, "Is ice cold?", "1"),
        ({"text": "One.", "text_pair": "Two.", "label": 0}, "One. Two.", "0"),
        ({"text": "One.", "text_pair": "", "label": 1}, "One.", "1"),
    ],
)
def test_each_form_of_row_has_a_text_and_a_class(row: dict[str, object], shown: str, answer: str) -> None:
    assert (text(row), label(row)) == (shown, answer)
