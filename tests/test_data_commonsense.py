"""The eight commonsense sets: every form of their rows, what is refused, and each published file to the character."""

import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from pelt_core.data.catalogue import pin
from pelt_core.data.commonsense import READERS, boolq, hellaswag, piqa, science, siqa, winogrande
from pelt_core.data.fields import BadRow
from pelt_core.data.instructions import line
from pelt_core.data.reading import read

QUESTION = {"question": "is snow warm", "answer": False}
GOAL = {"goal": "open a jar", "sol1": "turn the lid ", "sol2": "turn  the jar", "label": 1}
SITUATION = {"context": "Ann fell.", "question": "Why?", "answerA": "ice", "answerB": "a\nplan", "answerC": "joy"}
ACTIVITY = {"activity_label": "Rowing", "ctx": "A boat moves. the man", "endings": [", waves.", "b", "c", "d"]}
SENTENCE = {"sentence": " _ ate, so Bo is hungry.", "option1": "Al", "option2": "Bo", "answer": "1"}


def items(number: int, names: str, key: str) -> dict[str, Any]:
    return {
        "question": "Which?",
        "choices": {"text": [f"t{n}" for n in range(number)], "label": list(names)},
        "answerKey": key,
    }


def test_boolq_asks_for_true_or_false_and_its_choices_are_yes_and_no() -> None:
    item = boolq(QUESTION, 4)
    assert item.question == (
        "Please answer the following question with true or false, question: is snow warm?\n\nAnswer format: true/false"
    )
    assert (item.key, item.solution, item.answer) == (4, "the correct answer is false", "false")
    assert (item.stem, item.choices, item.gold) == ("is snow warm?", ["yes", "no"], 1)


def test_piqa_keeps_the_white_space_of_its_solutions() -> None:
    item = piqa(GOAL, 0)
    assert item.question == (
        "Please choose the correct solution to the question: open a jar\n\nSolution1: turn the lid \n\n"
        "Solution2: turn  the jar\n\nAnswer format: solution1/solution2"
    )
    assert (item.answer, item.stem, item.choices, item.gold) == (
        "solution2",
        "open a jar",
        ["turn the lid ", "turn  the jar"],
        1,
    )


def test_siqa_keeps_line_feeds_and_counts_from_one() -> None:
    item = siqa(SITUATION | {"label": "2"}, 0)
    assert item.question == (
        "Please choose the correct answer to the question: Ann fell. Why?\n\nAnswer1: ice Answer2: a\nplan Answer3: joy"
        "\n\nAnswer format: answer1/answer2/answer3"
    )
    assert (item.solution, item.gold) == ("the correct answer is answer2", 1)


def test_hellaswag_reads_the_same_item_in_each_form() -> None:
    original = hellaswag(ACTIVITY | {"label": 3}, 0)
    assert original.question == (
        "Please choose the correct ending to complete the given sentence: Rowing: A boat moves. the man\n\n"
        "Ending1: , waves. Ending2: b Ending3: c Ending4: d\n\nAnswer format: ending1/ending2/ending3/ending4"
    )
    assert original.answer == "ending4"
    assert hellaswag(ACTIVITY | {"label": "3"}, 0) == original
    text = {"query": "Rowing: A boat moves. the man", "choices": [", waves.", "b", "c", "d"], "gold": 3}
    assert hellaswag(text, 0) == original
    bare = {"question": "A boat", "choices": {"A": "a", "B": "b", "C": "c", "D": "d"}, "answer": "C"}
    assert (hellaswag(bare, 0).stem, hellaswag(bare, 0).gold) == ("A boat", 2)


def test_winogrande_has_one_space_before_the_answer_format() -> None:
    item = winogrande(SENTENCE, 0)
    assert item.question == (
        "Please choose the correct answer to fill in the blank to complete the given sentence:  _ ate, so Bo is hungry."
        "\n\nOption1: Al Option2: Bo Answer format: option1/option2"
    )
    assert (item.answer, item.choices[item.gold]) == ("option1", "Al")


@pytest.mark.parametrize(
    ("number", "names", "key", "gold"), [(3, "ABC", "C", 2), (4, "1234", "2", 1), (5, "ABCDE", "E", 4)]
)
def test_arc_has_three_to_five_answers_named_by_letters_or_numbers(
    number: int, names: str, key: str, gold: int
) -> None:
    item = science(items(number, names, key), 0)
    assert item.question.endswith("\n\nAnswer format: " + "/".join(f"answer{n + 1}" for n in range(number)))
    assert (item.gold, item.answer) == (gold, f"answer{gold + 1}")


def test_openbookqa_differs_by_the_name_of_a_field() -> None:
    raw = items(4, "ABCD", "A")
    stem = {"question_stem" if field == "question" else field: value for field, value in raw.items()}
    assert science(stem, 0) == science(raw, 0)


@pytest.mark.parametrize(
    ("name", "raw", "complaint"),
    [
        ("boolq", QUESTION | {"answer": "yes"}, "'answer' must be true or false, and is 'yes'"),
        ("boolq", QUESTION | {"question": " "}, "'question' is empty"),
        ("piqa", GOAL | {"label": -1}, "'label' must be one of 0, 1, and is -1"),
        ("piqa", {"goal": "x", "sol1": "y", "label": 0}, "'sol2' is missing"),
        ("siqa", SITUATION | {"label": "0"}, "'label' must be one of '1', '2', '3', and is '0'"),
        ("hellaswag", ACTIVITY | {"label": ""}, "'label' must be one of '0', '1', '2', '3', and is ''"),
        ("hellaswag", ACTIVITY | {"label": 0, "endings": ["a", "b"]}, "four endings, and there are 2"),
        ("hellaswag", {"question": "x", "choices": ["a"], "answer": "A"}, "'choices' must be an object"),
        ("winogrande", SENTENCE | {"answer": ""}, "'answer' must be one of '1', '2', and is ''"),
        ("winogrande", SENTENCE | {"sentence": "No blank."}, "one blank, written _, and is 'No blank.'"),
        ("arc-easy", items(4, "ABCD", "E"), "'answerKey' must be one of 'A', 'B', 'C', 'D', and is 'E'"),
        ("arc-easy", items(4, "ABC", "A"), "has 3 for 4"),
        ("openbookqa", {"question_stem": "x", "choices": {"text": ["a", ""], "label": ["A", "B"]}}, "none empty"),
        ("openbookqa", {"question_stem": None, "choices": {"text": ["a"], "label": ["A"]}}, "None, not a text"),
    ],
)
def test_bad_rows_say_what_is_wrong(name: str, raw: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BadRow) as refusal:
        READERS[name](raw, 0)
    assert complaint in str(refusal.value)


@pytest.mark.skipif("PELT_DATA" not in os.environ, reason="compares with the published files of a mirror")
@pytest.mark.parametrize(
    ("name", "split", "rows"),
    [
        ("boolq", "train", 9427),
        ("boolq", "test", 3270),
        ("piqa", "test", 1838),
        ("siqa", "test", 1954),
        ("arc-easy", "train", 2251),
        ("arc-easy", "test", 2376),
    ],
)
def test_every_row_is_the_published_one_to_the_character_and_in_order(name: str, split: str, rows: int) -> None:
    file = pin("llm-adapters-published", f"{name}_{split}").file
    published = gzip.decompress((Path(os.environ["PELT_DATA"]) / str(file)).read_bytes()).decode().removesuffix("\n")
    built = [line(row) for row in read(name, split).rows]
    assert sum(ours == theirs for ours, theirs in zip(built, published.split("\n"), strict=True)) == rows
