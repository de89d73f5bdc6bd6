from pathlib import Path

import pytest
import small_mirror

from pelt_core.data.clean import without_test_problems
from pelt_core.data.reading import Prepared, read


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    small_mirror.install(tmp_path, monkeypatch)
    return tmp_path


def test_rows_that_a_test_split_asks_are_left_out_and_named(small: Path) -> None:
    mawps = read("mawps", "train")
    clean = without_test_problems(mawps)
    assert [row["id"] for row in clean.rows] == ["mawps-train-00002", "mawps-train-00003"]
    assert clean.leaked == ("mawps-train-00007",)
    assert (clean.flaws, clean.where) == (mawps.flaws, mawps.where)
    assert len(mawps.rows) == 3


def test_only_the_sets_named_count(small: Path) -> None:
    assert without_test_problems(read("mawps", "train"), ("gsm8k", "svamp")).leaked == ()


def test_case_space_and_a_trailing_zero_do_not_hide_a_problem(small: Path) -> None:
    rows = [
        {"id": "x-train-0", "question": "TIM has 3.0 cats!  how many"},
        {"id": "x-train-1", "question": "Tim has 4"},
    ]
    assert without_test_problems(Prepared(rows, "here", {})).leaked == ("x-train-0",)
