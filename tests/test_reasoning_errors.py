"""The kinds of errors, from texts and from rows that are made up."""

from types import SimpleNamespace

import numpy as np
import pytest
from answer_rows import LETTERS, NUMBERS, fill
from hypothesis import given
from hypothesis import strategies as st

from pelt_core.report.missing import NOT_RUN
from pelt_core.report.reasoning import errors, records
from pelt_core.study.answer_scores import AnswerScores, load
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger


def kind(name: str, output: str, gold: str) -> str:
    return errors.kind(SimpleNamespace(**records.read(name, output, gold)))


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> AnswerScores:
    """Arithmetic, but for the prefix."""
    ledger = Ledger(tmp_path_factory.mktemp("ledger"))
    fill(ledger, [run for run in grid("arithmetic", "laptop") if "prefix" not in run.method], knows={"full": 0.5})
    return load(["arithmetic"], "laptop", ledger)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        *zip(NUMBERS, (errors.RIGHT, errors.SLIP, errors.OPERATION, errors.NO_EQUATION, errors.FORM), strict=True),
        ("It is {gold}.", errors.RIGHT),
        ("6 * 7 = 40, so 42 - 2 = 39. The answer is 39.", errors.OPERATION),
        ("There are 50 + 50 = 90 of them", errors.SLIP),
        ("no idea", errors.FORM),
        ("", errors.FORM),
        ("The answer is unknown.", errors.FORM),
        ("The answer is x + 3.", errors.NO_EQUATION),
    ],
)
def test_a_number_is_right_or_wrong_in_one_of_four_ways(output: str, expected: str) -> None:
    assert kind("gsm8k", output.format(gold="100"), "100") == expected


def test_a_letter_is_right_another_or_none() -> None:
    found = [kind("aqua", output.format(gold="B"), "B") for output in LETTERS]
    assert found == [errors.RIGHT, errors.LETTER, errors.NO_LETTER]


@given(st.integers(1, 999), st.integers(1, 999), st.sampled_from("+-*"), st.integers(1, 10**6))
def test_a_stated_sum_is_right_a_slip_or_a_wrong_operation(a: int, b: int, sign: str, written: int) -> None:
    true = {"+": a + b, "-": a - b, "*": a * b}[sign]
    found = kind("svamp", f"{a} {sign} {b} = {written}. The answer is {written}.", str(true))
    assert found == (errors.RIGHT if written == true else errors.SLIP)
    elsewhere = kind("svamp", f"{a} {sign} {b} = {written}. The answer is {written}.", str(true + 10**7))
    assert elsewhere == errors.OPERATION


@given(st.text(max_size=80), st.sampled_from(["gsm8k", "aqua"]))
def test_any_text_is_of_one_kind_and_right_only_by_what_is_read(text: str, name: str) -> None:
    gold = "B" if name == "aqua" else "7"
    found = kind(name, text, gold)
    assert found in errors.KINDS
    assert (found == errors.RIGHT) == records.read(name, text, gold)["correct"]


@given(st.text(max_size=400))
def test_an_excerpt_is_short_and_fits_a_cell_of_code(text: str) -> None:
    shown = errors.excerpt(text)
    assert len(shown) <= errors.EXCERPT and not set("`|\n") & set(shown)
    assert shown.startswith("…") or len(" ".join(text.split())) <= errors.EXCERPT


def test_shares_of_a_method_sum_to_one_and_edges_add_up(scores: AnswerScores) -> None:
    shares = errors.shares(scores, errors.classified(records.answers(scores)))
    numbers = shares[shares["heading"] == "Mean of 5 sets with numbers"]
    lora = numbers[numbers["method"] == "lora"]
    assert lora["mean"].tolist() == pytest.approx([20] * 5)
    assert lora["edge"].tolist() == pytest.approx([20, 40, 60, 80, 100])
    assert (lora["edge_low"] <= lora["edge"]).all() and (lora["edge"] <= lora["edge_high"]).all()
    assert numbers.loc[numbers["method"] == "full", "mean"].iloc[0] > 55
    assert set(numbers.loc[numbers["method"] == "prefix", "state"]) == {NOT_RUN}
    letters = shares[shares["heading"] == "AQuA"]
    assert list(dict.fromkeys(letters["kind"])) == [errors.RIGHT, errors.LETTER, errors.NO_LETTER]
    table = errors.table(shares).set_index(["Questions", "Method"])
    assert table.loc[("AQuA", "LoRA"), "Wrong operation"] == "" and table.loc[("AQuA", "Prefix"), "Right"] == NOT_RUN


def test_examples_are_questions_that_methods_answer_differently(scores: AnswerScores) -> None:
    found = errors.classified(records.answers(scores))
    chosen = errors.examples(found)
    assert chosen["id"].nunique() == chosen["set"].nunique() == 4 and set(chosen["seed"]) == {0}
    assert (chosen.groupby("id").size() == 5).all(), "every recorded method"
    assert (chosen.groupby("id")["kind"].nunique() == 2).all() and errors.RIGHT in set(chosen["kind"])
    table = errors.example_table(chosen)
    assert (table["Question"] != "").sum() == 4 and table["Its output ends"].str.len().max() < 120


def test_a_number_without_an_end_is_cut(scores: AnswerScores) -> None:
    found = errors.classified(records.answers(scores)).head(1).assign(extracted="0." + "0" * 90)
    assert errors.example_table(found)["Read"].iloc[0] == "0.0000000000…"


def test_nothing_recorded_has_no_example(tmp_path) -> None:
    empty = load(["arithmetic"], "laptop", Ledger(tmp_path))
    found = errors.classified(records.answers(empty))
    table = errors.example_table(errors.examples(found))
    assert table.empty and "Kind" in table
    shares = errors.shares(empty, found)
    assert set(shares["state"]) == {NOT_RUN} and np.isnan(shares["edge"]).all()


def test_every_kind_is_explained() -> None:
    assert errors.kinds()["Kind"].str.lower().tolist() == list(errors.KINDS)
