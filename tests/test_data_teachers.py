from pathlib import Path

import pytest

from pelt_core.data.teachers import BadTeacher, Question, Written, from_model, prompt
from pelt_core.data.teachers.annotated import Annotated
from pelt_core.data.teachers.store import Store
from pelt_core.writing import NotWritable


def test_a_prompt_asks_for_steps_and_for_an_end_that_can_be_read() -> None:
    number, letter = (prompt(Question("q", "How many?", kind, "3")) for kind in ("number", "letter"))
    assert number.startswith("How many?\n\nLet's think step by step.")
    assert number.endswith("The answer is <number>.")
    assert letter.endswith("The answer is (<letter>).")


def test_nothing_written_is_a_failure() -> None:
    assert from_model(" \n") == Written("", "empty answer")
    assert from_model(" so 3\n") == Written("so 3")


def test_the_annotated_teacher_writes_the_solution_or_says_why_there_is_none() -> None:
    questions = [Question("a", "?", "number", "3", "So 3."), Question("b", "?", "number", "3", "", "it gives 4")]
    assert Annotated().write(questions, 0) == [Written("So 3."), Written("", "no usable solution", "it gives 4")]


def test_an_answer_is_found_again_by_exactly_its_request(tmp_path: Path) -> None:
    request = {"model": "m", "sent": {"temperature": 0.7, "max_tokens": 9}}
    Store(tmp_path / "deep" / "kept.sqlite").put(request, {"text": "Ü 3"})
    store = Store(tmp_path / "deep" / "kept.sqlite")
    assert store.get({"sent": {"max_tokens": 9, "temperature": 0.7}, "model": "m"}) == {"text": "Ü 3"}
    assert store.get({**request, "model": "n"}) is None
    assert store.get({"model": "m", "sent": {"temperature": 0.8, "max_tokens": 9}}) is None


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("These are the notes of somebody else, and long enough to be a file." * 20)
    with pytest.raises(BadTeacher, match=r"notes.txt holds no kept answers.*name another file"):
        Store(tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text().startswith("These are")


def test_a_place_where_no_file_can_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(NotWritable, match=r"kept.sqlite cannot be written: its folder cannot be made"):
        Store(tmp_path / "notes.txt" / "kept.sqlite")
