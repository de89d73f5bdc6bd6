"""The page on arithmetic, from rows that are made up."""

from itertools import groupby

import numpy as np
import pytest
from answer_rows import fill

from pelt_core.report.missing import NOT_RUN
from pelt_core.report.reasoning import arithmetic, figures, method_tables, published, records
from pelt_core.study.answer_scores import AnswerScores, load
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger

KNOWS = {"lora(rank=32,alpha=64)@q,k,v,up,down": 0.6, "parallel@mlp": 0.4, "series@mlp": 0.3, "prefix@kv": 0.2}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> AnswerScores:
    """Every run, in the published order."""
    ledger = Ledger(tmp_path_factory.mktemp("whole"))
    fill(ledger, grid("arithmetic", "laptop"), knows=KNOWS)
    return load(["arithmetic"], "laptop", ledger)


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> AnswerScores:
    """All but the prefix and full fine-tuning."""
    ledger = Ledger(tmp_path_factory.mktemp("part"))
    fill(ledger, [run for run in grid("arithmetic", "laptop") if run.method not in ("full", "prefix@kv")])
    return load(["arithmetic"], "laptop", ledger)


@pytest.fixture(autouse=True)
def at_the_top(monkeypatch, root) -> None:
    monkeypatch.chdir(root)


def test_letters_are_also_shown_apart_with_a_guess(whole: AnswerScores) -> None:
    right = whole.by("accuracy")
    assert list(arithmetic.groups(right)) == ["Mean of 6 sets", "AQuA"]
    assert list(arithmetic.groups(whole)) == ["Mean of 2 sets"]
    written = records.answers(whole)
    assert arithmetic.guesses(right, written) == {"AQuA": pytest.approx(40)}
    frame = arithmetic.means(right)
    assert len(frame) == 2 * 6 and frame["mean"].notna().all()
    figures.accuracies(frame, arithmetic.guesses(right, written))


def test_every_pair_is_compared_and_corrected_together(whole: AnswerScores) -> None:
    found = arithmetic.comparisons(whole)
    assert (found["heading"] == arithmetic.TO_BASE).sum() == 5 and len(found) == 5 + 10
    assert (found["p_holm"] >= found["p"]).all()
    one = found[found["line"] == "LoRA − Prefix"].iloc[0]
    assert one["mean"] == pytest.approx(-0.4, abs=0.02)
    table = arithmetic.comparison_table(found, arithmetic.comparisons(whole.by("accuracy")))
    assert len(table) == len(found) and not table.isin(["nan"]).any(axis=None)
    shown = arithmetic.between(found)
    assert len(shown) == 10 and shown["heading"].iloc[-1] == "LoRA less …"
    together = [heading for heading, _ in groupby(shown["heading"])]
    assert len(together) == len(set(together)), "lines of one heading follow each other, as figures draw them"
    drawn = figures.differences(shown, "x", "a", "b").axes[0]
    labels = [label.get_text() for label in drawn.get_yticklabels()]
    at = drawn.get_yticks()[labels.index("Parallel adapter")]  # of "LoRA less …" alone
    (mark,) = [line for line in drawn.lines if line.get_marker() == "^" and line.get_ydata()[0] == at]
    assert mark.get_xdata()[0] == pytest.approx(found[found["line"] == "LoRA − Parallel adapter"]["mean"].iloc[0])


def test_slips_are_wrong_answers_whose_equation_is_right(whole: AnswerScores) -> None:
    found = arithmetic.slips(whole, records.answers(whole)).set_index("method")
    assert found.loc["full", "wrong"] == 2 * 5 * 24 and found.loc["full", "slips"] == 2 * 5 * 6
    assert found.loc["none", "wrong"] == 5 * 24
    assert found.loc["full", "right"].mean == pytest.approx(20)
    assert found.loc["full", "redone"].mean == pytest.approx(40)
    table = arithmetic.slip_table(found.reset_index()).set_index("Method")
    assert table.loc["Base model"].iloc[-1] == "30 of 120"


def test_the_form_of_outputs(whole: AnswerScores) -> None:
    table = method_tables.form(whole, records.answers(whole), method_tables.named(whole)).set_index("Method")
    assert list(table.columns) == ['Says "answer is"', "AQuA: no letter"]
    assert table.loc["Base model", "AQuA: no letter"].startswith("33.3 [")


def test_our_order_beside_the_published_ones(whole: AnswerScores) -> None:
    found = arithmetic.orders(whole)
    values = {title: own["LLaMA-7B"].value for title, own in found.items()}
    assert list(values.values()) == pytest.approx([1, 1, 1])
    assert arithmetic.order_table(found)["Backbone"].tolist()[-1] == "LLaMA-13B"
    lines = arithmetic.beside_published(whole)
    assert lines.iloc[-1]["Method"] == "LoRA" and lines.iloc[-1]["MAWPS"] == published.NOTHING


def test_what_is_missing_is_said_and_not_filled_in(part: AnswerScores) -> None:
    written = records.answers(part)
    lines = method_tables.named(part)
    sets = method_tables.accuracies(part, written, lines).set_index("Method")
    assert set(sets.loc["Prefix"]) == {NOT_RUN} and sets.iloc[-1]["AQuA"] == "40.0"
    assert method_tables.losses(part, lines).set_index("Method").loc["Full fine-tuning", "Trained"] == NOT_RUN
    found = arithmetic.comparisons(part)
    assert (found["state"] == NOT_RUN).sum() == 2 + 7 and found["p_holm"].notna().sum() == 3 + 3
    assert set(arithmetic.order_table(arithmetic.orders(part)).iloc[0][1:]) == {NOT_RUN}
    slips = arithmetic.slip_table(arithmetic.slips(part, written)).set_index("Method")
    assert set(slips.loc["Prefix"]) == {NOT_RUN}
    figures.differences(arithmetic.between(found), "x", "a", "b")


def test_nothing_recorded_draws_and_tells_so(tmp_path) -> None:
    empty = load(["arithmetic"], "laptop", Ledger(tmp_path))
    written = records.answers(empty)
    assert np.isnan(arithmetic.guesses(empty.by("accuracy"), written)["AQuA"])
    figures.losses(arithmetic.means(empty))
    figures.accuracies(published.beside(published.own_lines(empty.by("accuracy"), []), published.CORRECTED))
    assert method_tables.form(empty, written, method_tables.named(empty)).iloc[0, 1] == NOT_RUN
