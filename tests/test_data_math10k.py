from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pelt_core import data
from pelt_core.data.math10k import BadBuild, build, final_answer, gather, judge, read_clean, teach
from pelt_core.data.normalise import mask_numbers, normalise_question, stem
from pelt_core.data.reading import Prepared
from pelt_core.data.teachers import Question, Written
from pelt_core.data.teachers.annotated import Annotated


def row(name: str, number: int, question: str, solution: str = "", answer: str = "3") -> dict[str, Any]:
    return {"id": f"{name}-train-{number:05d}", "question": question, "solution": solution, "answer": answer}


SPLITS = {
    "gsm8k": Prepared([row("gsm8k", n, f"What is {n} and 1?", f"{n + 1}", f"{n + 1}") for n in range(9)], "", {}),
    "mathqa": Prepared(
        [row("mathqa", n, f"which is {n} ? Answer Choices: (A) 1 (B) {n}", "answer is B", "B") for n in range(1100)]
        + [row("mathqa", 1100, "which is 7 ? Answer Choices: (A) 7 (B) 8", "so", "A")],
        "",
        {"mathqa-train-00003": "its rationale names no option"},
    ),
    "mawps": Prepared([row("mawps", 2, "Tim has 3.0 cats ."), row("mawps", 5, "what is 1 and 1 ?")], "", {"x": "bad"}),
    "mawps-single": Prepared([row("mawps-single", 0, "Tim has 3 cats.")], "", {}, ("mawps-single-train-00001",)),
}


def read(name: str, split: str) -> Prepared:
    assert split == ("validation" if name == "mathqa" else "train")
    return SPLITS[name]


class Scripted:
    """Writes, at attempt a, the a-th of the texts that a question's id is given; and notes what it was asked."""

    def __init__(self, attempts: int, **texts: list[str]) -> None:
        self.attempts, self.texts, self.asked = attempts, texts, []

    def write(self, questions: Sequence[Question], attempt: int) -> list[Written]:
        self.asked.append([question.id for question in questions])
        return [Written(self.texts[question.id][attempt]) for question in questions]

    def report(self) -> dict[str, Any]:
        return {}


def question(name: str = "q", kind: str = "number", answer: str = "3") -> Question:
    return Question(name, "How many?", kind, answer)


def test_each_problem_is_asked_once_and_the_others_are_counted() -> None:
    gathered = {part.source.name: part for part in gather(read)}
    assert len(gathered["gsm8k"].questions) == 9
    assert len(gathered["mathqa"].questions) == 1000
    assert gathered["mathqa"].not_asked == {"asked before": 1, "not in the sample": 100}
    assert [asked.id for asked in gathered["mawps"].questions] == ["mawps-train-00002"]
    assert gathered["mawps"].not_asked == {"no usable solution": 1, "asked before": 1}
    assert gathered["mawps-single"].questions == []
    assert gathered["mawps-single"].not_asked == {"in an evaluation set": 1, "asked before": 1}


def test_a_question_is_a_row_of_its_source_and_knows_the_kind_of_its_answer() -> None:
    asked = {question.id: question for part in gather(read) for question in part.questions}
    assert asked["gsm8k-train-00000"] == Question("gsm8k-train-00000", "What is 0 and 1?", "number", "1", "1")
    flawed = [question for question in asked.values() if question.flaw]
    assert [question.id for question in flawed] in ([], ["mathqa-train-00003"])
    assert asked[next(name for name in asked if name.startswith("mathqa"))].kind == "letter"


def test_samples_of_a_source_follow_the_seed() -> None:
    def sampled(seed: int) -> list[str]:
        return [question.id for part in gather(read, seed, at_most=4) for question in part.questions]

    assert sampled(0) == sampled(0)
    assert sampled(0) != sampled(1)
    assert len(sampled(0)) == 4 + 4 + 1
    with pytest.raises(BadBuild, match="at least 1 question of each source, and 0"):
        gather(read, at_most=0)


def test_the_first_right_answer_is_kept_and_only_the_wrong_are_asked_again() -> None:
    teacher = Scripted(3, a=["4", "no idea", "It is 3."], b=["3"], c=["5", "3.0", ""])
    outcomes = teach(teacher, [question(name) for name in "abc"])
    assert teacher.asked == [["a", "b", "c"], ["a", "c"], ["a"]]
    assert [outcome.attempt for outcome in outcomes] == [2, 0, 1]
    assert [outcome.solution for outcome in outcomes] == [
        "It is 3.\nThe answer is 3.",
        "3\nThe answer is 3.",
        "3.0\nThe answer is 3.",
    ]


def test_what_is_never_right_is_dropped_with_the_last_reason() -> None:
    outcome = teach(Scripted(2, a=["no idea", "4"]), [question("a")])[0]
    assert (outcome.solution, outcome.reason, outcome.detail, outcome.attempt) == ("", "wrong answer", "4, not 3", 1)


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        ("number", "1,000 and then 2,000.", "2000"),
        ("number", "many", None),
        ("number", "", None),
        ("letter", "Clearly the answer is (B).", "B"),
        ("letter", "answer: B, no, the answer is C", "C"),
        ("letter", "Clearly (B)", None),  # a letter that is not stated as the answer is right by chance
    ],
)
def test_a_final_answer_is_the_last_number_or_a_stated_letter(kind: str, text: str, found: str | None) -> None:
    assert final_answer(kind, text) == found


@pytest.mark.parametrize(
    ("kind", "text", "solution"),
    [
        ("number", "1 + 2 = 3. The answer is 3.", "1 + 2 = 3. The answer is 3."),
        ("number", "1 + 2 = 3. The final answer is: $3", "1 + 2 = 3.\nThe answer is 3."),
        ("number", "The answer is 3.00", "The answer is 3."),
        ("letter", "So the answer is B", "So\nThe answer is (B)."),
        ("letter", "It is 2.\nThe answer is (B).", "It is 2.\nThe answer is (B)."),
    ],
)
def test_a_solution_ends_with_the_answer_in_one_form(kind: str, text: str, solution: str) -> None:
    assert judge(question("a", kind, "B" if kind == "letter" else "3"), Written(text)).solution == solution


def test_a_failure_of_the_teacher_is_the_reason() -> None:
    outcome = judge(question(), Written("", "timeout", "60 seconds"))
    assert (outcome.solution, outcome.reason, outcome.detail) == ("", "timeout", "60 seconds")


def test_right_rows_are_sampled_to_size_in_their_order() -> None:
    gathered = gather(read, at_most=5)
    whole = build(gathered, Annotated())
    some = build(gathered, Annotated(), seed=1, size=3)
    kept = [row["id"] for row in whole.rows]
    assert len(some.rows) == 3 < len(kept)
    assert [name for name in kept if name in {row["id"] for row in some.rows}] == [row["id"] for row in some.rows]
    assert some.rows == build(gathered, Annotated(), seed=1, size=3).rows
    assert list(some.rows[0]) == ["id", "question", "solution", "answer"]
    with pytest.raises(BadBuild, match="12 rows cannot be made of 11 questions"):
        build(gathered, Annotated(), size=12)


def test_fewer_right_rows_than_asked_for_are_all_kept() -> None:
    gathered = gather(read, at_most=1)
    names = [question.id for part in gathered for question in part.questions]
    answers = {question.id: question.answer for part in gathered for question in part.questions}
    teacher = Scripted(1, **{name: [f"The answer is {answers[name]}"] for name in names[:-1]}, **{names[-1]: ["4"]})
    assert [row["id"] for row in build(gathered, teacher, size=3).rows] == names[:-1]


def test_the_derived_sets_are_as_the_sources_say(mirror: Path) -> None:
    whole, clean = data.prepare("math10k", "train"), data.prepare("math10k-clean", "train")
    assert (len(whole.rows), len(clean.rows)) == (10399, 9056)
    assert Counter(name.rsplit("-", 2)[0] for name in whole.flaws) == {"mathqa": 43, "mawps": 52, "mawps-single": 14}
    assert Counter(reason for name, reason in whole.flaws.items() if name.startswith("mathqa")) == {
        "its rationale names no option": 42,
        "its rationale names option c, not b": 1,
    }
    assert (len(whole.leaked), len(clean.leaked)) == (0, 2460)
    both = ({row["id"] for row in made.rows if "mathqa" not in row["id"]} for made in (clean, whole))
    assert set.__lt__(*both), "MathQA is sampled anew from what is left"
    for made in (whole, clean):
        problems = [normalise_question(row["question"]) for row in made.rows]
        assert len(set(problems)) == len(problems)


def test_the_clean_set_asks_nothing_that_an_evaluation_set_asks(mirror: Path) -> None:
    clean = {normalise_question(row["question"]) for row in data.prepare("math10k-clean", "train").rows}
    whole = {normalise_question(row["question"]) for row in data.prepare("math10k", "train").rows}
    masked = {mask_numbers(stem(row["question"])) for row in data.prepare("math10k-clean", "train").rows}
    leaks = {"multiarith": True, "addsub": True, "singleeq": True, "mawps": True, "gsm8k": False, "aqua": False}
    for name, leaked in leaks.items():
        rows = data.prepare(name, "test").rows
        asked = {normalise_question(row["question"]) for row in rows}
        assert not asked & clean
        assert bool(asked & whole) == leaked
        assert not {mask_numbers(stem(row["question"])) for row in rows} & masked
    assert sum(part.not_asked.get("in an evaluation set", 0) for part in gather(read_clean)) == 2460
