"""What every page says in sentences."""

import pytest
from reasoning_rows import study

from pelt_core.report import limits, words
from pelt_core.study import statistics


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    return study(tmp_path_factory.mktemp("ledger"), "placement")


def test_provenance_is_that_of_the_rows(full):
    text = words.provenance(full, "laptop", "data/ledger").data
    assert "of wall time, added up over this page's runs" in text
    assert "`0123456789`" in text and "torch 2.13.0" in text and "cpu: made up, 1 thread a run" in text
    assert "19 of 19 runs" in text and "2026" not in text


def test_limits_quote_the_coverage_of_intervals(full):
    least, most = (f"{100 * share:.0f}" for share in statistics.COVERAGE[2])
    assert f"covered it in {least} to {most} % of the repetitions" in limits.of_seeds(full)


@pytest.mark.parametrize(
    "several, text", [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_lists_read_as_sentences(several, text):
    assert words.listed(several) == text


def test_names_with_a_comma_inside_are_told_apart():
    assert words.marked(["APL, no gate", "LoRA"]) == "*APL, no gate* and *LoRA*" and words.marked([]) == ""
