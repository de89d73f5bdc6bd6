"""The generated problems: right by an evaluation of their own text, distinct, and split without a shared problem."""

import re
from collections import Counter
from collections.abc import Callable
from fractions import Fraction

import pytest

from pelt_core import data
from pelt_core.data.catalogue import pin
from pelt_core.data.embedded import TEMPLATES, belongs_to, generate
from pelt_core.data.normalise import normalise_question
from pelt_core.data.reading import content_sha256

# Words of a question, and its answer from its numbers in the order in which they are read.
ANSWERS: list[tuple[str, Callable[..., Fraction | int]]] = [
    (r"gives .* more\. How many .* now", lambda a, b: a + b),
    (r"on one table", lambda a, b: a + b),
    (r"did \w+ keep", lambda a, b: a - b),
    (r"in the morning", lambda a, b: a - b),
    (r"fills", lambda a, b: a * b),
    (r"shares", lambda a, b: Fraction(a, b)),
    (r"on Monday", lambda a, b, c: a + b - c),
    (r"buys", lambda a, b, c: a * b + c),
    (r"equal piles", lambda a, b, c: Fraction(a - b, c)),
    (r"has \d+ boxes", lambda a, b, c, d: a * b + c * d),
    (r"at first", lambda a, b: b - a),
    (r"sold some of them", lambda a, b: a - b),
    (r"thinks of a number", lambda a, b, c: Fraction(c - b, a)),
    (r"dealt", lambda a, b: a * b),
    (r"percent of them are red", lambda a, b: Fraction(a * b, 100)),
    (r"coat", lambda a, b: a - Fraction(a * b, 100)),
    (r"sprouted", lambda a, b: Fraction(100 * a, a + b)),
    (r"train runs", lambda a, b: a * b),
    (r"reads", lambda a, b, c: Fraction(a * c, b)),
    (r"earns", lambda a, b: Fraction(b, a)),
    (r"How many more", lambda a, b: a - b),
    (r"times as many", lambda a, b: a + a * b),
    (r"fewer", lambda a, b: a - b),
    (r"years old", lambda a, b: 2 * a + b),
]


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_answer_follows_from_its_question(split: str) -> None:
    used: Counter[str] = Counter()
    for row in generate(split):
        words, answer = next((words, answer) for words, answer in ANSWERS if re.search(words, row["question"]))
        used[words] += 1
        assert answer(*map(int, re.findall(r"\d+", row["question"]))) == int(row["answer"]), row
    assert set(used.values()) == {pin("arithmetic", split).rows // len(TEMPLATES)}


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_step_is_true_and_the_last_is_the_answer(split: str) -> None:
    for row in generate(split):
        steps = re.fullmatch(r"((?:\d+ [-+*/] \d+ = \d+\. )+)The answer is (\d+)\.", row["solution"])
        assert steps is not None, row
        for a, sign, b, result in re.findall(r"(\d+) (.) (\d+) = (\d+)\.", steps[1]):
            values = {
                "+": int(a) + int(b),
                "-": int(a) - int(b),
                "*": int(a) * int(b),
                "/": Fraction(int(a), int(b) or 1),
            }
            assert values[sign] == int(result), row
        assert result == steps[2] == row["answer"]


def test_thousands_of_distinct_problems_and_none_in_both_splits() -> None:
    train, test = generate("train"), generate("test")
    assert len(train) >= 4000
    assert len(test) >= 800
    questions = [normalise_question(row["question"]) for row in (*train, *test)]
    assert len(set(questions)) == len(questions)


def test_no_numbers_of_a_template_are_in_both_splits_under_other_names() -> None:
    def masked(split: str) -> set[tuple[int, tuple[str, ...]]]:
        numbers = [re.findall(r"\d+", row["question"]) for row in generate(split)]
        return {(position % len(TEMPLATES), tuple(found)) for position, found in enumerate(numbers)}

    assert not masked("train") & masked("test")


def test_about_a_fifth_of_the_numbers_are_for_testing() -> None:
    share = Counter(belongs_to(index, (a, a + 1)) for index in range(len(TEMPLATES)) for a in range(200))
    assert 0.17 < share["test"] / share.total() < 0.23


def test_the_problems_are_the_same_on_every_machine() -> None:
    found = {split: content_sha256(list(generate(split))) for split in ("train", "test")}
    assert found == {
        "train": "cb4e0e045d917a5fec140674b54e235f7240062e112e15e9ffb6a00e7c3ba455",
        "test": "809de39fd0d0a7d829814174e1ecca902698fcf023c25aa47716f1cb97acd8cb",
    }
    assert found == {split: pinned.content_sha256 for split, pinned in data.DATASETS["arithmetic"].splits.items()}


def test_what_is_loaded_can_be_changed_without_changing_the_next_load() -> None:
    first = data.prepare("arithmetic", "test").rows
    first.clear()
    assert len(data.prepare("arithmetic", "test").rows) == pin("arithmetic", "test").rows
