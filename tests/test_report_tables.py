import pandas as pd

from pelt_core.report import tables


def test_a_table_without_lines_is_a_sentence():
    assert tables.table(pd.DataFrame(), "tab-nothing", "Every cell").data == "Every cell: not run yet."


def test_columns_of_numbers_are_set_to_the_right():
    frame = pd.DataFrame({"Method": ["LoRA"], "Loss": ["0.5"], "Said": ["no"]})
    assert "| :-- | --: | :-- |" in tables.table(frame, "tab-some", "Some").data


def test_a_table_keeps_its_cells_and_caption():
    text = tables.table(pd.DataFrame({"Method": ["LoRA"], "n": ["1,000"]}), "tab-x", "A caption").data
    assert text == "```{table} A caption\n:name: tab-x\n\n| Method | n |\n| :-- | --: |\n| LoRA | 1,000 |\n```"


def test_a_test_that_was_not_made_has_no_p_value():
    assert [tables.p_value(p) for p in (float("nan"), 0.0004, 0.0512)] == ["", "< 0.001", "0.051"]
