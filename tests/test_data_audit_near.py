import random

import pytest

from pelt_core.data.audit import near

VOCABULARY = [f"{a}{b}" for a in "bdfglmnprst" for b in ("ane", "ill", "ook", "und")]


def invented(seed: int, rows: int) -> list[str]:
    choose = random.Random(seed)
    return [" ".join(choose.choices(VOCABULARY, k=choose.randint(4, 9))) for _ in range(rows)]


def changed(seed: int, texts: list[str]) -> list[str]:
    """Each text with one more word."""
    choose = random.Random(seed)
    return [f"{text} {choose.choice(VOCABULARY)}" for text in texts]


def test_every_pair_found_is_one_by_the_exact_index() -> None:
    held = invented(0, 300)
    index = near.Index(held)
    found = 0
    for text in changed(1, held):
        for place, value in index.find(text).items():
            found += 1
            assert value == near.jaccard(near.words(text), near.words(held[place])) >= near.THRESHOLD
    assert found > 100


def test_no_more_pairs_are_missed_than_is_stated() -> None:
    held = invented(0, 300)
    index, asked = near.Index(held), changed(1, held)
    sets = [near.words(text) for text in held]
    there = {
        (query, place)
        for query, text in enumerate(asked)
        for place, bag in enumerate(sets)
        if near.jaccard(near.words(text), bag) >= near.THRESHOLD
    }
    found = {(query, place) for query, text in enumerate(asked) for place in index.find(text)}
    assert found <= there and len(there - found) <= 0.02 * len(there)


def test_order_case_marks_and_the_spelling_of_numbers_do_not_matter() -> None:
    index = near.Index(["Tim has 3,000.0 cats.", "Ann has 5 dogs"])
    assert index.find("cats: tim HAS 3000") == {0: 1.0}
    assert index.find("Ann has 6 dogs") == {}
    assert index.find("Ann has 6 dogs", threshold=0.6) == {1: pytest.approx(3 / 5)}


def test_texts_without_a_word_are_near_nothing() -> None:
    assert near.Index(["...", "cats"]).find("?") == {}


def test_signatures_do_not_depend_on_the_process() -> None:
    """A pinned value: Python's own hashes of texts change from process to process."""
    assert near.signature(frozenset({"cat", "dog"})).hashvalues[:3].tolist() == [657259635, 2438090992, 548168136]


def test_the_probability_of_a_miss_falls_with_the_index() -> None:
    assert near.miss_probability(1.0) == 0.0
    assert near.miss_probability(0.8) < 0.005 < 0.05 < near.miss_probability(0.5) < near.miss_probability(0.1)
