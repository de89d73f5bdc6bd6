"""What the pages say in sentences and in the set-up table, computed from the rows."""

from types import MappingProxyType

import numpy as np
import pytest
import recorded
from synthetic import fill

from pelt_core.report import answers, claims, estimates, limits, placement, results, tables, words
from pelt_core.report.rates import Tried
from pelt_core.study import statistics
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger


@pytest.fixture
def full():
    return recorded.full()


@pytest.fixture
def part():
    return recorded.part()


@pytest.fixture
def nothing():
    return recorded.nothing()


def facts(found, loss, published, judged):
    return placement.facts(found, loss, estimates.by_cell(found, "correct"), published, judged)


def test_words_are_whole_with_all_some_and_no_rows(full, part, nothing, root):
    published = claims.published_places(root / claims.PUBLISHED)
    for found in (full, part, nothing):
        loss, accuracy = estimates.pairs(found, "loss"), estimates.pairs(found, "correct")
        judged = placement.verdicts(published, loss, accuracy)
        cells = estimates.by_cell(found, "loss")
        said = [
            placement.reading(found, cells, judged).data,
            limits.limits(found, published, loss, accuracy, {}).data,
            words.state(found).data,
        ]
        said += facts(found, cells, published, judged).values()
        assert all(said) and not any("nan" in text.lower().split() for text in said), said
    assert facts(nothing, cells, published, judged)["accuracies"] == "not run yet"
    assert facts(nothing, cells, published, judged)["published_accuracies"] == "59.5 % to 61.7 %"


def test_reading_gives_the_computed_verdicts(full, root):
    published = claims.published_places(root / claims.PUBLISHED)
    judged = placement.verdicts(published, estimates.pairs(full, "loss"), estimates.pairs(full, "correct"))
    by_method = {one.method: one.loss.verdict for one in judged}
    assert by_method == {
        "series": "supported",
        "parallel": "undecided at this scale",
        "lora": "undecided at this scale",
    }
    text = placement.reading(full, estimates.by_cell(full, "loss"), judged).data
    assert "**supported**; the lowest loss here is at the MLP" in text


def test_one_seed_is_said_to_be_one(part, full):
    assert "one seed" in words.state(part).data
    assert "one seed" not in words.state(full).data


def test_missing_runs_are_named_with_their_seed(part):
    text = words.state(part).data
    assert "3 of 19 runs are recorded" in text
    assert "- seed 1: every trained cell" in text
    seed_0 = text.partition("- seed 0: ")[2].partition("\n")[0].split("; ")
    assert len(seed_0) == 7 and seed_0[0] == "Series adapter, both" and seed_0[-1] == "LoRA, both"


def test_provenance_is_that_of_the_rows(full):
    text = words.provenance(full, "laptop", "data/ledger").data
    assert "of wall time, added up over this page's runs" in text
    assert "`0123456789`" in text and "torch 2.13.0" in text and "cpu: made up, 1 thread a run" in text
    assert "19 of 19 runs" in text and "2026" not in text


@pytest.mark.parametrize(
    "several, text", [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_lists_read_as_sentences(several, text):
    assert words.listed(several) == text


def changed(found, rows=None, **columns):
    """The same results with other fields in the rows, or other columns (made from the frame) in the records."""
    items = {
        key: frame.assign(**{name: make(frame) for name, make in columns.items()}) for key, frame in found.items.items()
    }
    return results.Results(found.runs, found.cells, {key: row | (rows or {}) for key, row in found.rows.items()}, items)


def setting(found, name):
    return tables.setup(found).set_index("Setting")["Value"][name]


def test_set_up_says_what_was_left_out(full):
    assert setting(full, "Training data").endswith("(those of more than 256 tokens are left out: 90 remained)")
    counted = changed(full, {"training_rows": 480})
    assert setting(counted, "Training data").startswith("up to 200 rows of GSM8K and up to 300 rows of MAWPS")
    assert setting(counted, "Training data").endswith("(those of more than 256 tokens are left out: 480 remained)")
    assert "4-bit" in setting(full, "Backbone") and "Instruct" in setting(full, "Backbone")


def test_set_up_counts_the_questions_that_have_a_loss(full):
    assert setting(full, "Answer loss on").startswith("GSM8K (12 of 12 questions), SVAMP (12 of 12 questions)")
    fewer = changed(full, loss=lambda items: items["loss"].mask(items["id"] == "gsm8k-3"))
    assert setting(fewer, "Answer loss on").startswith("GSM8K (11 of 12 questions), SVAMP (12 of 12 questions)")


def test_the_form_of_answers_is_counted(full, nothing, root):
    quarter = changed(
        full,
        output=lambda items: np.where(np.arange(len(items)) % 4 == 0, "The ANSWER is 4.", "4"),
        extracted=lambda items: items["extracted"].mask(items["id"] == "aqua-0"),
    )
    frame = answers.form(quarter)
    assert frame["stated"].tolist() == [pytest.approx(1 / 4)] * 10
    assert frame["aqua"].tolist() == [pytest.approx(1 / 12)] * 10
    published = claims.published_places(root / claims.PUBLISHED)
    pairs = estimates.pairs(quarter, "loss"), estimates.pairs(quarter, "correct")
    said = limits.limits(quarter, published, *pairs, {}).data
    assert "25 % of the base model's outputs and 25 % of a trained cell's" in said
    assert "AQuA no letter is found in 8 % of the base model's outputs" in said
    assert set(answers.table(nothing)["States an answer"]) == {"not run yet"}


def test_limits_quote_the_published_sizes_and_the_coverage_of_intervals(full, root):
    published = claims.published_places(root / claims.PUBLISHED)
    pairs = estimates.pairs(full, "loss"), estimates.pairs(full, "correct")
    said = limits.limits(full, published, *pairs, {}).data
    assert "Series adapter `bottleneck=256`, here `series(bottleneck=64" in said
    assert "LoRA `r=8`, here `lora(rank=32" in said
    least, most = (f"{100 * share:.0f}" for share in statistics.COVERAGE[2])
    assert f"covered it in {least} to {most} % of the repetitions" in said
    other = limits.limits(full, published.assign(size="r=1"), *pairs, {}).data
    assert "LoRA `r=1`" in other and "r=8" not in other


@pytest.fixture
def on(tmp_path, root):
    """The limits of made-up runs of placement with other settings."""

    def limited(preset, tried=MappingProxyType({}), **settings):
        runs = grid("placement", preset, overrides=settings)
        ledger = Ledger(tmp_path)
        fill(ledger, [run for run in runs if not ledger.has(run)])
        found = results.load(runs, ledger)
        pairs = estimates.pairs(found, "loss"), estimates.pairs(found, "correct")
        return limits.limits(found, claims.published_places(root / claims.PUBLISHED), *pairs, tried).data

    return limited


def test_limits_say_where_the_learning_rates_are_from(on):
    assert "on a short pilot" in on("laptop") and "modules on SmolLM2-135M-Instruct is recorded" in on("laptop")
    other = on("laptop", backbone="owner/model-1b")
    assert (
        "No search for rates of these modules on model-1b is recorded under this preset" in other
        and "pilot" not in other
    )
    assert "the same at every place" in other and "pilot" not in on("paper", backbone="owner/model-1b")


def test_limits_say_which_rates_a_search_on_the_backbone_found_best(on):
    tried = {"series": Tried((3e-4, 1e-3), 1e-3), "parallel": Tried((1e-3, 3e-3), 1e-3), "lora": Tried((1e-3,), None)}
    said = on("laptop", tried, backbone="owner/model-1b")
    assert "search](answer-recipe) on model-1b" in said and "No search" not in said
    assert "for Series adapter 0.001 of 2 rates, the one used here" in said
    assert "for Parallel adapter 0.001 of 2 rates, here 0.003" in said
    assert "None is recorded for LoRA" in said


def test_limits_say_when_the_problems_are_not_the_published_ones(on):
    assert "Other problems" not in on("laptop")
    assert "the questions here are another set: arithmetic, embedded" in on("smoke")


def test_a_cell_that_solves_nothing_is_said_to_be_at_the_floor(part, root):
    published = claims.published_places(root / claims.PUBLISHED)
    pairs = estimates.pairs(part, "loss"), estimates.pairs(part, "correct")

    def said(solved):
        return limits.limits(changed(part, correct=lambda items: solved(items["set"])), published, *pairs, {}).data

    assert "Floor" not in said(lambda sets: sets.notna())
    assert "solved by 3 cells on GSM8K:" in said(lambda sets: sets != "gsm8k")
