from __future__ import annotations

from typing import Any

import pytest
from datasets import Dataset

from pelt_core.data.batches import IGNORED, NothingToLearn
from pelt_core.data.labelled import check_labelled

GOOD = {"input_ids": [5, 6, 7], "labels": [IGNORED, IGNORED, 7]}


def test_labelled_rows_are_taken() -> None:
    check_labelled(Dataset.from_list([GOOD, {"input_ids": [5, 6], "labels": [5, 6]}]), "labels")
    check_labelled(Dataset.from_list([{"input_ids": [5], "label": 0}]), "label")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"input_ids": [5, 6], "labels": [IGNORED] * 2}, "^row 1 has no label but -100 behind its first token"),
        ({"input_ids": [5, 6], "labels": [5, IGNORED]}, "^row 1 has no label but -100 behind its first token"),
        ({"input_ids": [5], "labels": [5]}, "^row 1 has no label but -100 behind its first token"),
        ({"input_ids": [5, 6], "labels": [5, 6, 7]}, "^row 1 has 2 tokens and 3 labels: give each token one"),
        ({"input_ids": [], "labels": []}, "^row 1 has no label"),
    ],
)
def test_the_first_row_that_teaches_nothing_is_named(row: dict[str, Any], said: str) -> None:
    with pytest.raises(NothingToLearn, match=said):
        check_labelled(Dataset.from_list([GOOD, row, row]), "labels")


@pytest.mark.parametrize(("column", "there"), [("label", "input_ids, labels"), ("labels", "input_ids")])
def test_a_column_that_is_not_there_is_named(column: str, there: str) -> None:
    with pytest.raises(NothingToLearn, match=f"no column '{column}', which this model learns from; they have {there}$"):
        check_labelled(Dataset.from_list([GOOD]).select_columns(there.split(", ")), column)
