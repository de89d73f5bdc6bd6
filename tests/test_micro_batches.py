"""The rows of a step, cut into parts of about as many tokens each."""

from __future__ import annotations

import math
from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st

from pelt_core.data.batches import IGNORED
from pelt_core.loss import predicted_positions
from pelt_core.micro_batches import MicroBatches

lengths = st.lists(st.integers(1, 60), min_size=1, max_size=20)
budgets = st.integers(1, 200)


def rows(lengths: list[int]) -> list[dict[str, Any]]:
    """Rows whose first token is their number, with a label from their middle on."""
    return [
        {"input_ids": [i, *range(100, 99 + n)], "labels": [IGNORED] * (n // 2) + [7] * (n - n // 2)}
        for i, n in enumerate(lengths)
    ]


def sizes(part: list[Any]) -> list[int]:
    return [len(row["input_ids"]) for row in part]


@given(lengths, budgets)
def test_every_row_is_in_one_part(lengths: list[int], tokens: int) -> None:
    parts = MicroBatches(tokens, 0).cut(rows(lengths))
    assert all(parts)
    assert sorted(row["input_ids"][0] for part in parts for row in part) == list(range(len(lengths)))


@given(lengths, budgets)
def test_rows_of_a_part_are_of_similar_length(lengths: list[int], tokens: int) -> None:
    parts = MicroBatches(tokens, 0).cut(rows(lengths))
    assert [size for part in parts for size in sizes(part)] == sorted(lengths)


@given(lengths, budgets)
def test_parts_have_even_shares(lengths: list[int], tokens: int) -> None:
    parts = [sizes(part) for part in MicroBatches(tokens, 0).cut(rows(lengths))]
    total = sum(lengths)
    most = math.ceil(total / tokens)
    assert len(parts) <= most
    for number, part in enumerate(parts, 1):
        done = sum(map(sum, parts[:number]))
        share = number * total / most
        assert len(part) == 1 or done - part[-1] < share + 1e-9, "a part goes on beyond its share"
        assert number == len(parts) or done > share - 1e-9, "a part closes before it has its share"
    assert max(map(sum, parts)) < total / most + max(lengths) + 1e-9
    assert total / most <= tokens


def test_what_fits_is_one_part() -> None:
    assert len(MicroBatches(30, 0).cut(rows([10, 10, 10]))) == 1
    assert [sizes(part) for part in MicroBatches(29, 0).cut(rows([10, 10, 10]))] == [[10, 10], [10]]


def test_a_row_longer_than_a_part_is_not_cut() -> None:
    assert [sizes(part) for part in MicroBatches(8, 0).cut(rows([3, 50, 4]))] == [[3, 4, 50]]
    assert [sizes(part) for part in MicroBatches(1, 0).cut(rows([3, 50, 4]))] == [[3], [4], [50]]


@given(lengths, budgets)
def test_a_step_counts_its_tokens_and_what_is_predicted(lengths: list[int], tokens: int) -> None:
    step = MicroBatches(tokens, pad_id=5)(rows(lengths))["step"]
    assert step.tokens == sum(lengths) == sum(int(part["attention_mask"].sum()) for part in step.parts)
    assert step.targets == sum(int(predicted_positions(part["labels"]).sum()) for part in step.parts)
    assert step.targets == sum(sum(label != IGNORED for label in row["labels"][1:]) for row in rows(lengths))
    for part in step.parts:
        assert (part["input_ids"][part["attention_mask"] == 0] == 5).all()


@given(lengths, budgets)
def test_a_step_of_texts_counts_one_target_a_text(lengths: list[int], tokens: int) -> None:
    texts = [{"input_ids": row["input_ids"], "label": row["input_ids"][0]} for row in rows(lengths)]
    step = MicroBatches(tokens, 0)(texts)["step"]
    assert step.targets == len(lengths)
    for part in step.parts:
        assert torch.equal(part["labels"], part["input_ids"][:, 0]), "a label of another text"
