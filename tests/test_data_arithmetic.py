from typing import Any

import pytest

from pelt_core.data.arithmetic import READERS
from pelt_core.data.fields import BadRow

GOOD: dict[str, dict[str, Any]] = {
    "gsm8k": {"question": " How many? ", "answer": "Half of 48 is 48/2 = <<48/2=24>>24.\n#### 1,024"},
    "aqua": {
        "question": "Which?",
        "options": ["A)1", "B)2", "C)3", "D)4", "E)5"],
        "rationale": "One and one.\nAnswer: B",
        "correct": "B",
    },
    "mathqa": {
        "Problem": "which ?",
        "Rationale": '"one and one , so 1 + 1 = 2 . answer : ( b ) ."',
        "options": "a ) a ) 1 , b ) 2 , c ) 1,000 , d ) 4 : 1 , e ) e ) none of a , b",
        "correct": "b",
    },
    "svamp": {
        "ID": "chal-12",
        "Body": "A box has 7 pens",
        "Question": "How many?",
        "Equation": "( 7.0 )",
        "Answer": 7.0,
    },
    "multiarith": {"iIndex": 3, "lEquations": ["X=((2.0+3.0)*4.0)"], "lSolutions": [20.0], "sQuestion": " How many? "},
    "mawps-single": {"iIndex": 4, "lEquations": ["7-x=5"], "lSolutions": [2.0], "sQuestion": "How many ?"},
    "mawps": {"id": 5, "original_text": "How many ?", "equation": "x=1.5+1", "ans": "2.5"},
}


@pytest.mark.parametrize(
    ("name", "key", "question", "solution", "answer"),
    [
        ("gsm8k", 9, "How many?", "Half of 48 is 48/2 = 24.\nThe answer is 1024.", "1024"),
        (
            "aqua",
            9,
            "Which? Answer Choices: (A) 1 (B) 2 (C) 3 (D) 4 (E) 5",
            "One and one.\nAnswer: B\nThe answer is (B).",
            "B",
        ),
        (
            "mathqa",
            9,
            "which ? Answer Choices: (A) 1 (B) 2 (C) 1,000 (D) 4 : 1 (E) none of a , b",
            "one and one , so 1 + 1 = 2 . answer : ( b ) .\nThe answer is (B).",
            "B",
        ),
        ("svamp", 12, "A box has 7 pens. How many?", "The answer is 7.", "7"),
        ("multiarith", 3, "How many?", "2 + 3 = 5. 5 * 4 = 20. The answer is 20.", "20"),
        ("mawps-single", 4, "How many ?", "7 - 5 = 2. The answer is 2.", "2"),
        ("mawps", 5, "How many ?", "1.5 + 1 = 2.5. The answer is 2.5.", "2.5"),
    ],
)
def test_reads_a_row(name: str, key: int, question: str, solution: str, answer: str) -> None:
    problem = READERS[name](GOOD[name], 9)
    assert (problem.key, problem.question, problem.solution, problem.answer) == (key, question, solution, answer)
    assert problem.flaw == ""


def test_a_body_with_its_full_stop_gets_no_second_one() -> None:
    assert READERS["svamp"]({**GOOD["svamp"], "Body": "Seven. "}, 0).question == "Seven. How many?"


@pytest.mark.parametrize(
    ("equation", "flaw"), [("x=1.5+2", "gives 3.5, not 2.5"), ("x=x", "occurs 2 times"), ("x=2.5=1", "2 equals signs")]
)
def test_an_equation_that_does_not_lead_to_the_answer_is_a_flaw(equation: str, flaw: str) -> None:
    problem = READERS["mawps"]({**GOOD["mawps"], "equation": equation}, 0)
    assert problem.solution == ""
    assert problem.answer == "2.5"
    assert flaw in problem.flaw
    assert equation in problem.flaw


@pytest.mark.parametrize(
    ("rationale", "flaw"),
    [
        ("the answer will be option b", ""),
        ("ans is ( b ) 2", ""),
        ("hence b .", ""),
        ("answer a is too small , so the answer must be b", ""),
        ("the options are 1 and 2 . answer : b . as a sum", ""),
        ("answer : d", "its rationale names option d, not b"),
        ("1 + 1 = 2", "its rationale names no option"),
        ("b = 2", "its rationale names no option"),
        ("answer : big", "its rationale names no option"),
    ],
)
def test_a_rationale_that_does_not_name_the_right_option_is_a_flaw(rationale: str, flaw: str) -> None:
    problem = READERS["mathqa"]({**GOOD["mathqa"], "Rationale": rationale}, 0)
    assert (problem.flaw, problem.answer) == (flaw, "B")
    assert problem.solution == ("" if flaw else f"{rationale}\nThe answer is (B).")


def test_options_may_be_written_as_a_list() -> None:
    raw = {**GOOD["mathqa"], "options": "['a ) 1 , 2', 'b ) 2', 'c ) 3', 'd ) 4', 'e ) 5']"}
    assert "(A) 1 , 2 (B) 2" in READERS["mathqa"](raw, 0).question


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("gsm8k", {"question": "  "}, "'question' is empty"),
        ("gsm8k", {"question": None}, "'question' is None, not a text"),
        ("gsm8k", {"answer": "no mark"}, "after #### must be a finite number"),
        ("gsm8k", {"answer": "so #### many"}, "after #### must be a finite number"),
        ("gsm8k", {"answer": "so #### inf"}, "finite number"),
        ("aqua", {"correct": "AB"}, "one of A, B, C, D, E"),
        ("aqua", {"options": ["A)1", "B)2"]}, "five texts"),
        ("aqua", {"options": ["A)1", "B)2", "C)3", "D)4", "F)5"]}, "five texts"),
        ("aqua", {"rationale": ""}, "'rationale' is empty"),
        ("mathqa", {"correct": "B"}, "one of a, b, c, d, e"),
        ("mathqa", {"options": "a ) 1 , b ) 2"}, "five texts"),
        ("mathqa", {"options": "a ) 1 , b ) 2 , c ) 3 , e ) 4 , d ) 5"}, "five texts"),
        ("mathqa", {"options": "['a ) 1', 'b ) 2'"}, "five texts"),
        ("mathqa", {"Rationale": " "}, "'Rationale' is empty"),
        ("svamp", {"ID": "12"}, "chal-12"),
        ("svamp", {"Answer": float("nan")}, "finite number"),
        ("svamp", {"Answer": None}, "finite number"),
        ("svamp", {"Answer": True}, "finite number"),
        ("multiarith", {"lSolutions": []}, "list of one entry"),
        ("multiarith", {"lSolutions": [1.0, 2.0]}, "list of one entry"),
        ("multiarith", {"lEquations": [""]}, "'equation' is empty"),
        ("multiarith", {"iIndex": "3"}, "whole number"),
        ("mawps", {"ans": "many"}, "finite number"),
        ("mawps", {"ans": "1/0"}, "finite number"),
        ("mawps", {"ans": "1e999999999"}, "finite number"),
        ("mawps", {"id": -1}, "whole number"),
    ],
)
def test_says_what_is_wrong_with_a_row(name: str, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        READERS[name]({**GOOD[name], **change}, 0)


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_field_is_named(name: str) -> None:
    for field in GOOD[name]:
        row = {key: value for key, value in GOOD[name].items() if key != field}
        with pytest.raises(BadRow, match="answer" if field in ("Answer", "ans") else field):
            READERS[name](row, 0)
