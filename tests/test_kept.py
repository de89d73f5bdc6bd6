"""What runs share is read once, and is the right one for each."""

import pytest

from pelt_core import backbones, data
from pelt_core.data.batches import NothingToLearn
from pelt_core.study import kept

HOW = ("alpaca@1", 512)


@pytest.fixture(autouse=True)
def nothing_kept():
    for reader in (kept.tokenizer, kept.questions, kept.worked_answers, kept.training):
        reader.cache_clear()


@pytest.fixture
def read(monkeypatch):
    """What was read or loaded, in order."""
    seen = []

    def noting(home, name):
        original = getattr(home, name)
        monkeypatch.setattr(home, name, lambda *args: [seen.append((name, *args)), original(*args)][1])

    for home, name in ((backbones, "load_tokenizer"), (data, "training_rows"), (data, "evaluation_rows")):
        noting(home, name)
    return seen


def test_runs_that_differ_in_the_method_alone_read_once(read):
    for _ in range(3):
        kept.questions("arithmetic", 5)
        kept.worked_answers("tiny-llama", "arithmetic", 5, *HOW)
        kept.training("tiny-llama", "arithmetic:4", 0, *HOW)
    assert read == [
        ("evaluation_rows", "arithmetic", 5),
        ("load_tokenizer", "tiny-llama"),
        ("training_rows", "arithmetic:4", 0),
    ]


@pytest.mark.parametrize(
    "other",
    [
        ("smollm2-135m", "arithmetic:4", 0, *HOW),
        ("tiny-llama", "arithmetic:5", 0, *HOW),
        ("tiny-llama", "arithmetic:4", 1, *HOW),
        ("tiny-llama", "arithmetic:4", 0, "alpaca-published-train@1", 512),
    ],
)
def test_whatever_decides_the_rows_makes_other_rows(other):
    first = kept.training("tiny-llama", "arithmetic:4", 0, *HOW)["input_ids"]
    assert kept.training(*other)["input_ids"] != first
    assert kept.training("tiny-llama", "arithmetic:4", 0, *HOW)["input_ids"] == first


def test_the_longest_row_allowed_decides_which_are_left():
    lengths = [len(ids) for ids in kept.training("tiny-llama", "arithmetic:4", 0, *HOW)["input_ids"]]
    shorter = kept.training("tiny-llama", "arithmetic:4", 0, "alpaca@1", max(lengths) - 1)
    assert 0 < len(shorter) < 4


def test_what_failed_is_tried_again(read):
    for _ in range(2):
        with pytest.raises(NothingToLearn):
            kept.training("tiny-llama", "arithmetic:4", 0, "alpaca@1", 8)
    assert read.count(("training_rows", "arithmetic:4", 0)) == 2
