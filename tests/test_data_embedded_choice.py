"""The generated questions with choices: right by their own text, balanced, and split without a shared item."""

import re
from collections import Counter
from itertools import permutations
from typing import Any

import pytest

from pelt_core import data
from pelt_core.data.catalogue import pin
from pelt_core.data.embedded import NAMES, THINGS
from pelt_core.data.embedded import generate as problems
from pelt_core.data.embedded_choice import FAMILIES, KINDS, PLACES, RELATIONS, generate

SPLITS = ("train", "validation", "test")


def family(split: str, name: str) -> list[dict[str, Any]]:
    place = [each.__name__ for each in FAMILIES].index(name)
    return list(generate(split)[place :: len(FAMILIES)])


def shape(text: str) -> str:
    """A question without its names, things and numbers."""
    return re.sub(rf"\d+|\b({'|'.join(NAMES + THINGS)})\b", "_", text)


@pytest.mark.parametrize("split", SPLITS)
def test_rows_have_the_form_of_the_commonsense_sets(split: str) -> None:
    rows = generate(split)
    assert len(rows) == pin("puzzles", split).rows
    for row in rows:
        assert row["answer"] == f"answer{row['gold'] + 1}"
        assert row["solution"] == f"the correct answer is {row['answer']}"
        options = " ".join(f"Answer{place}: {choice}" for place, choice in enumerate(row["choices"], 1))
        assert row["question"] == (
            f"Please choose the correct answer to the question: {row['stem']}\n\n{options}\n\n"
            "Answer format: answer1/answer2/answer3/answer4"
        )
        assert len(set(row["choices"])) == PLACES


@pytest.mark.parametrize("split", SPLITS)
def test_the_majority_is_at_chance_in_every_family(split: str) -> None:
    for each in FAMILIES:
        places = Counter(row["gold"] for row in family(split, each.__name__))
        assert len(set(places.values())) == 1
        assert len(places) == PLACES


def test_a_sum_is_that_of_the_problem_and_offers_two_results_each_with_the_same_slip() -> None:
    known = {row["question"]: row["answer"] for split in ("train", "test") for row in problems(split)}
    rows = family("train", "total")
    shared = [row for row in rows if row["stem"] in known]
    assert all(row["choices"][row["gold"]] == known[row["stem"]] for row in shared)
    for row in rows:
        a, b, c, d = sorted(map(int, row["choices"]))
        assert b - a == d - c or c - a == d - b
        assert a >= 0


def test_size_does_not_tell_which_number_is_right() -> None:
    ranks = Counter(
        sorted(map(int, row["choices"])).index(int(row["choices"][row["gold"]])) for row in family("train", "total")
    )
    assert all(0.2 < ranks[rank] / ranks.total() < 0.3 for rank in range(PLACES))


@pytest.mark.parametrize("split", SPLITS)
def test_an_order_has_one_solution_and_it_is_right(split: str) -> None:
    for row in family(split, "order"):
        facts = re.findall(r"(\w+) is (\w+) than (\w+)\.", row["stem"])
        asked = re.search(r"Who is the (second )?(\w+)\?", row["stem"])
        assert asked
        more, less, most, _ = next(relation for relation in RELATIONS if asked[2] in relation)
        assert {word for _, word, _ in facts} <= {more, less}
        pairs = [(one, other) if word == more else (other, one) for one, word, other in facts]
        solutions = [
            chain for chain in permutations(row["choices"]) if all(chain.index(a) < chain.index(b) for a, b in pairs)
        ]
        assert len(solutions) == 1, row
        from_the_front = solutions[0] if asked[2] == most else solutions[0][::-1]
        assert row["choices"][row["gold"]] == from_the_front[1 if asked[1] else 0]
        assert set(Counter(name for pair in pairs for name in pair).values()) == {2}


@pytest.mark.parametrize("split", SPLITS)
def test_only_the_right_word_is_of_the_kind(split: str) -> None:
    for row in family(split, "kind"):
        asked = next(kind for kind in KINDS if f"looking for {kind}." in row["stem"])
        assert [choice in KINDS[asked].split() for choice in row["choices"]].index(True) == row["gold"]
        assert sum(choice in KINDS[asked].split() for choice in row["choices"]) == 1


def test_no_word_is_of_two_kinds() -> None:
    assert set(Counter(word for words in KINDS.values() for word in words.split()).values()) == {1}


def test_splits_share_no_item() -> None:
    def items(split: str) -> set[tuple[str, ...]]:
        sums = {("sum", *re.findall(r"\d+", row["stem"]), shape(row["stem"])) for row in family(split, "total")}
        orders = {("order", row["stem"].rpartition(" Who ")[0]) for row in family(split, "order")}
        words = {("word", choice) for row in family(split, "kind") for choice in row["choices"]}
        assert len({row["question"] for row in generate(split)}) == len(generate(split))
        return sums | orders | words

    train, validation, test = map(items, SPLITS)
    assert not train & validation | train & test | validation & test


def test_the_questions_are_the_same_on_every_machine() -> None:
    rows = data.load("puzzles", "test")
    assert rows.column_names == ["id", "question", "solution", "answer", "stem", "choices", "gold"]
    assert rows.to_list() == list(generate("test"))
    assert data.prepare("puzzles", "train").rows == list(generate("train"))
    assert data.prepare("puzzles", "validation").rows == list(generate("validation"))
