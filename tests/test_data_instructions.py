"""The published form of rows, as lines and as files."""

import json
from pathlib import Path

import pytest

from pelt_core.data.instructions import UnknownForm, check, instruction, line, write

ROWS = [{"id": "a-train-00000", "question": "Who’s it?\n", "solution": "the answer is b", "answer": "b"}]


def test_fields_are_the_published_ones_in_their_order() -> None:
    assert list(instruction(ROWS[0]).items()) == [
        ("instruction", "Who’s it?\n"),
        ("input", ""),
        ("output", "the answer is b"),
        ("answer", "b"),
    ]


def test_a_line_is_as_a_mirror_has_it() -> None:
    assert line(ROWS[0]) == ('{"instruction": "Who’s it?\\n", "input": "", "output": "the answer is b", "answer": "b"}')


def test_a_list_is_indented_and_ascii(tmp_path: Path) -> None:
    write(ROWS, tmp_path / "new" / "rows.json")
    text = (tmp_path / "new" / "rows.json").read_text()
    assert text.startswith('[\n    {\n        "instruction": "Who\\u2019s it?\\n",\n')
    assert json.loads(text) == [instruction(row) for row in ROWS]


def test_lines_have_a_row_each_and_no_part_of_a_file_is_left(tmp_path: Path) -> None:
    write(ROWS * 2, tmp_path / "rows.jsonl")
    assert (tmp_path / "rows.jsonl").read_text(encoding="utf-8") == 2 * (line(ROWS[0]) + "\n")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownForm, match=r"rows.csv must end in .json .* or .jsonl"):
        check(tmp_path / "rows.csv")
