"""The published tables of LLM-Adapters, by our names."""

import numpy as np
import pandas as pd
import pytest

from pelt_core.report.missing import NOT_RUN
from pelt_core.report.reasoning import published
from pelt_core.study.rank_correlation import RankCorrelation

BACKBONES = ["BLOOMz-7B", "GPT-J-6B", "LLaMA-7B", "LLaMA-13B"]


@pytest.fixture(autouse=True)
def at_the_top(monkeypatch, root) -> None:
    monkeypatch.chdir(root)


@pytest.mark.parametrize("name", list(published.MEANS))
def test_a_table_has_four_backbones_and_four_methods(name: str) -> None:
    found = published.means(name)
    assert list(found.index) == BACKBONES and tuple(found.columns) == published.METHODS
    assert found.notna().all(axis=None)


def test_a_printed_mean_is_that_of_its_sets() -> None:
    own = published.numbers(published.COMMONSENSE)
    own = own[(own["backbone"] == "LLaMA-7B") & (own["method"] == "lora")].set_index("dataset")["value"]
    assert "arc-easy" in own.index
    assert own.drop("avg").mean() == pytest.approx(own["avg"], abs=0.06)


def test_published_means_have_no_interval_and_ours_come_last() -> None:
    ours = pd.DataFrame([{"heading": "us", "line": "LoRA", "method": "lora", "state": "", "mean": 8.0}])
    frame = published.beside(ours.assign(low=7.0, high=9.0, by_seed=[[8.0]]), published.FIRST)
    assert list(dict.fromkeys(frame["heading"])) == [*BACKBONES, "us"]
    assert frame["low"].isna().sum() == len(BACKBONES) * 4 and frame["low"].iloc[-1] == 7


def test_an_order_agrees_with_itself_and_not_with_its_opposite() -> None:
    ours = published.means(published.FIRST).loc["LLaMA-7B"]
    same, opposite = (published.agreement(published.FIRST, sign * ours)["LLaMA-7B"] for sign in (1, -1))
    assert isinstance(same, RankCorrelation) and isinstance(opposite, RankCorrelation)
    assert same.value == pytest.approx(1) and opposite.value == pytest.approx(-1)
    assert same.low < 0, "four methods say next to nothing"
    assert published.said(opposite).startswith("−1.00 [−1.00,")


def test_there_is_no_order_of_too_few_or_of_equals() -> None:
    ours = published.means(published.FIRST).loc["LLaMA-7B"]
    missing = published.agreement(published.FIRST, ours.where(ours.index != "prefix", np.nan))
    tied = published.agreement(published.FIRST, 0 * ours)
    assert set(missing.values()) == {NOT_RUN} and set(tied.values()) == {published.TIED}
    assert published.said(missing["LLaMA-7B"]) == NOT_RUN


def test_two_tables_of_the_same_runs_are_one() -> None:
    frame = published.table(
        {published.FIRST: "first", published.CORRECTED: "corrected"},
        ["gsm8k", "mawps"],
        [{"Backbone": "ours", "Method": "LoRA", "GSM8K": "1.0"}],
    ).set_index(["Backbone", "Method"])
    line = frame.loc[("LLaMA-7B", "LoRA")]
    assert line.tolist() == ["37.5", "79.0", "61.9", "46.9"]
    assert frame.loc[("ours", "LoRA")].tolist() == ["1.0", *[published.NOTHING] * 3]
    assert len(frame) == 4 * 4 + 2
