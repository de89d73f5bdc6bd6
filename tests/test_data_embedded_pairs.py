"""The generated pairs: balanced, told apart by the words alone in two thirds at most, split without a shared item."""

import functools
import re
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from pelt_core import data
from pelt_core.data.catalogue import pin
from pelt_core.data.embedded import NAMES
from pelt_core.data.embedded_pairs import FORMS, generate
from pelt_core.data.glue.few_shot import few_shot
from pelt_core.data.glue.metrics import baselines, metric

SPLITS = ("train", "validation", "test")


def words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.lower()))


def twins(split: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    rows = generate(split)
    return list(zip(rows[::2], rows[1::2], strict=True))


@pytest.mark.parametrize("split", SPLITS)
def test_every_pair_has_a_twin_with_the_other_label(split: str) -> None:
    assert len(generate(split)) == pin("paraphrase", split).rows
    for same, other in twins(split):
        assert (same["label"], other["label"]) == (1, 0)
        assert same["text"] == other["text"]
        assert len({same["text"], same["text_pair"], other["text_pair"]}) == 3


@pytest.mark.parametrize("split", SPLITS)
def test_words_alone_do_not_tell_two_of_three_twins_apart(split: str) -> None:
    alike = [words(same["text_pair"]) == words(other["text_pair"]) for same, other in twins(split)]
    assert sum(alike) * 3 == len(alike) * 2


READ = [
    (relation, re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>\\w+)", re.escape(form))))
    for relation, forms in enumerate(FORMS)
    for form in forms
]


@functools.cache
def said(text: str) -> tuple[int, str, str, str, str]:
    """The relation, who did it, to whom, when and with what, read by the forms."""
    for relation, form in READ:
        if found := form.fullmatch(text):
            values = {"things": ""} | found.groupdict()
            return relation, values["a"], values["b"], values["day"], values["things"]
    raise AssertionError(text)


@pytest.mark.parametrize("split", SPLITS)
def test_labels_follow_from_the_sentences(split: str) -> None:
    for row in generate(split):
        assert (said(row["text"]) == said(row["text_pair"])) == row["label"], row


def test_splits_share_no_relation_of_two_said() -> None:
    def relations(split: str) -> set[tuple[int, str, str]]:
        found = [said(row["text"]) for row in generate(split)]
        assert len({(row["text"], row["text_pair"]) for row in generate(split)}) == len(found)
        return {(relation, min(a, b), max(a, b)) for relation, a, b, _, _ in found}

    train, validation, test = map(relations, SPLITS)
    assert not train & validation | train & test | validation & test


def test_every_relation_is_used_by_all_kinds_of_said() -> None:
    used = [said(row["text"]) for row in generate("train")]
    assert {relation for relation, *_ in used} == set(range(len(FORMS)))
    assert {a for _, a, *_ in used} == {b for _, _, b, *_ in used} == set(NAMES)


def test_the_pairs_are_the_same_on_every_machine() -> None:
    rows = data.load("paraphrase", "test")
    assert rows.column_names == ["id", "text", "text_pair", "label"]
    assert rows.to_list() == list(generate("test"))
    assert data.prepare("paraphrase", "train").rows == list(generate("train"))
    assert data.prepare("paraphrase", "validation").rows == list(generate("validation"))


def test_few_of_them_are_sampled_and_scored_as_a_task_of_glue() -> None:
    sample = few_shot("paraphrase", 100, 0)
    assert (len(sample.train), len(sample.dev), len(sample.test)) == (100, 1000, 960)
    assert sample.source == {"train": "paraphrase/train", "test": "paraphrase/test"}
    assert baselines("paraphrase", sample.test["label"]) == {"majority": {"accuracy": 0.5}}
    assert metric("paraphrase", sample.test["label"], sample.test["label"]) == {"accuracy": 1.0}
    assert len({a for a, b in pairwise(sample.train["label"]) if a != b}) == 2
