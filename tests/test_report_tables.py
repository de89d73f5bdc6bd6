import pandas as pd

from pelt_core.report import tables


def test_a_table_without_lines_is_a_sentence():
    assert tables.table(pd.DataFrame(), "tab-nothing", "Every cell").data == "Every cell: not run yet."


def test_columns_of_numbers_are_set_to_the_right():
    frame = pd.DataFrame({"Method": ["LoRA"], "Loss": ["0.5"], "Said": ["no"]})
    assert "| :-- | --: | :-- |" in tables.table(frame, "tab-some", "Some").data
