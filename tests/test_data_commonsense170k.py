"""Commonsense170K: its order and counts, an incomplete mirror, the distinct and balanced variants, samples."""

import logging
import os
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from pelt_core.data import at_hand, commonsense170k, load
from pelt_core.data.catalogue import UnknownDataset, pin
from pelt_core.data.commonsense170k import (
    SOURCES,
    BadSize,
    UnknownVariant,
    balanced,
    build,
    counts,
    distinct,
    expected,
    part,
    sample,
)
from pelt_core.data.reading import Prepared, content_sha256
from pelt_core.data.rows import digest
from pelt_core.data.sources import DataNotFound

with_mirror = pytest.mark.skipif("PELT_DATA" not in os.environ, reason="counts the rows of a mirror")


def row(name: str, number: int, gold: int, choices: int = 2, question: str = "") -> dict[str, Any]:
    return {
        "id": f"{name}-train-{number:05d}",
        "question": question or f"{name} {number}",
        "answer": f"answer{gold + 1}",
        "choices": ["c"] * choices,
        "gold": gold,
    }


ROWS = [
    *(row("boolq", number, gold=number % 3 == 0) for number in range(60)),  # 20 of 60 are of label 1
    *(row("arc-easy", number, gold=number % 4, choices=4) for number in range(30)),
    row("arc-easy", 30, gold=2, choices=5),
]


def stub(name: str, split: str) -> Prepared:
    """Two rows of each split: HellaSwag's and PIQA's train files are not there."""
    if (name, split) in {("hellaswag", "train"), ("piqa", "train")}:
        raise DataNotFound(f"no {name}")
    return Prepared([row(f"{name}", number, 0, question=f"{name} {split} {number}") for number in (0, 1)], name, {})


def test_the_whole_has_the_published_number_of_rows() -> None:
    assert sum(map(expected, SOURCES)) == 170_420
    assert expected("winogrande") == 63_238
    assert pin("commonsense170k", "train").rows == 170_420


def test_an_incomplete_mirror_builds_what_is_there_and_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(commonsense170k, "read", stub)
    made = build()
    questions = [row["question"] for row in made.rows]
    assert questions[2:6] == [
        "siqa train 0",
        "siqa train 1",
        "hellaswag train_first3368 0",
        "hellaswag train_first3368 1",
    ]
    assert questions[6::2] == [
        *(f"winogrande train_{size} 0" for size in ("xs", "s", "m", "l", "xl", "debiased")),
        *(f"{name} train 0" for name in ("arc-easy", "arc-challenge", "openbookqa")),
    ]
    assert made.missing["piqa"] == 16_113
    assert made.missing["hellaswag"] == 39_905 - 2
    assert "hellaswag/train is not to be had, train_first3368 is read instead" in caplog.text
    assert "16113 rows of piqa are nowhere to be had" in made.remark


def test_without_any_set_the_first_refusal_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str, split: str) -> Prepared:
        raise DataNotFound(f"no {name}")

    monkeypatch.setattr(commonsense170k, "read", nothing)
    with pytest.raises(DataNotFound, match="no boolq"):
        build()


def test_a_part_that_is_none_is_refused_with_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownDataset, match="called 'gsm8k'; it is made of boolq, piqa, siqa"):
        part("gsm8k")
    with pytest.raises(UnknownDataset, match="'boolq' has no split 'validation'; it has train, test"):
        part("boolq", "validation")


def test_distinct_keeps_the_first_row_of_a_question() -> None:
    again = [row("siqa", 0, 0, question="Why?"), row("siqa", 1, 1, question="Why?"), row("siqa", 2, 1)]
    assert [row["id"] for row in distinct(again)] == ["siqa-train-00000", "siqa-train-00002"]


def test_balanced_leaves_no_answer_the_commonest() -> None:
    kept = balanced(ROWS, seed=0)
    right = Counter((row["id"].rsplit("-", 2)[0], row["gold"]) for row in kept)
    assert right == {("boolq", 0): 20, ("boolq", 1): 20, **{("arc-easy", gold): 7 for gold in range(4)}}
    assert [row["id"] for row in kept] == [row["id"] for row in ROWS if row in kept]  # in their order
    assert kept == balanced(ROWS, seed=0) != balanced(ROWS, seed=1)


def test_a_sample_has_sets_and_answers_in_their_proportions() -> None:
    small = sample(ROWS, 30, seed=0)
    strata = Counter((row["id"].rsplit("-", 2)[0], row["answer"]) for row in ROWS)
    taken = Counter((row["id"].rsplit("-", 2)[0], row["answer"]) for row in small)
    assert all(abs(taken[stratum] - count * 30 / len(ROWS)) < 1 for stratum, count in strata.items())
    assert [row["id"] for row in small] == [row["id"] for row in ROWS if row in small]
    assert small != sample(ROWS, 30, seed=1)


def test_a_smaller_sample_is_part_of_a_larger_one() -> None:
    sizes = [{row["id"] for row in sample(ROWS, size, seed=3)} for size in range(1, len(ROWS) + 1)]
    assert [len(ids) for ids in sizes] == list(range(1, len(ROWS) + 1))
    assert all(less < more for less, more in zip(sizes, sizes[1:], strict=False))


def test_what_cannot_be_made_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadSize, match="92 rows cannot be sampled from 91: ask for 1 to 91"):
        sample(ROWS, 92, seed=0)
    with pytest.raises(BadSize, match="at least 1 row, and 0 were asked for"):
        build(size=0)
    with pytest.raises(UnknownVariant, match="'best'; there are published, distinct, balanced"):
        build("best")


@pytest.fixture(scope="module")
def there() -> Prepared:
    return commonsense170k.whole()


@with_mirror
def test_the_mirror_without_hellaswags_train_file(there: Prepared) -> None:
    rows = there.rows
    assert counts(rows) == {name: expected(name) for name in SOURCES} | {"hellaswag": 3_368}
    assert list(counts(rows)) == list(SOURCES)
    assert content_sha256(rows) == "5826d361d32b315ded956df2278c2da4c7289e5e770a2fab0900cf4d59dac634"
    kept = distinct(rows)
    assert counts(rows) - counts(kept) == {
        "winogrande": 22_752,
        "siqa": 29,
        "piqa": 6,
        "openbookqa": 5,
        "arc-challenge": 1,
    }
    assert content_sha256(kept) == "87a881394a44f37c9d19e82e3b03885d632d0593cc1e03e20008e1ceff56e40d"
    assert len(balanced(kept, seed=0)) == 107_500
    assert (
        content_sha256(sample(kept, 15_000, seed=0))
        == "f79e1bcb29a1a1b1b7b9208c91d03a4327edf3aa4fe7cab23c9177ec2985596f"
    )


@with_mirror
def test_it_loads_in_one_line_and_its_digest_tells_how_much_there_was(
    there: Prepared, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commonsense170k, "whole", lambda: there)
    with caplog.at_level(logging.WARNING):
        rows = load("commonsense170k-distinct")
    assert rows.column_names == ["id", "question", "solution", "answer", "stem", "choices", "gold"]
    assert len(rows) == 111_090
    assert "36537 rows of hellaswag are nowhere to be had" in caplog.text
    before = digest("commonsense170k-distinct:10", [])
    less = replace(there, rows=there.rows[:-1])
    monkeypatch.setattr(commonsense170k, "whole", lambda: less)
    monkeypatch.setattr(at_hand, "fingerprint", lambda: "of another mirror")
    assert digest("commonsense170k-distinct:10", []) != before
