"""The page on the audit, from the committed record: what it claims in words is so, and figures show what is shared."""

import matplotlib.pyplot as plt
import pytest

from pelt_core import publish
from pelt_core.report.audit import figures, tables, words
from pelt_core.report.audit.record import FAMILIES, Record, called, load


@pytest.fixture(scope="module")
def record():
    return load(publish.ROOT / "data" / "records" / "audit.json")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_what_the_page_claims_in_words_is_so(record):
    """The sentences of `words` are typed, their numbers computed: these are the conditions of the sentences."""
    for test in words.LEAKED_TESTS:
        assert record.share("MAWPS", test, "normalised") > 0.8
        assert record.share("MAWPS, all splits", test, "normalised") == 1
        assert record.shared("Math10K, published", test, "normalised") > 0
        assert record.shared("Math10K, cleaned", test, "normalised") == 0
    assert record.shared("Math10K, cleaned", "MAWPS", "normalised") == 0
    assert record.found["leaked"]["math_data"]["normalised"] == record.one("train", "math_data")["rows"]
    wino = record.one("train", "WinoGrande")
    assert (wino["rows"], wino["distinct"]["normalised"]) == (63238, 40486)
    assert record.shared("PIQA", "PIQA", "normalised") == 2 and record.shared("MRPC", "STS-B", "normalised") > 100


def test_majorities_are_those_of_the_published_tests(record):
    published = {"BoolQ": 62.2, "PIQA": 50.5, "SIQA": 33.6, "WinoGrande": 50.4, "ARC-Challenge": 26.5}
    published |= {"ARC-Easy": 26.6, "OpenBookQA": 27.6, "AQuA": 24.8}
    for title, percent in published.items():
        assert round(100 * record.one("evaluation", title)["majority"], 1) == percent


def test_the_record_was_made_from_committed_code(record):
    assert record.found["code"]["git_dirty"] is False and len(record.found["code"]["git_commit"]) == 40


@pytest.mark.parametrize("key", ["normalised", "near"])
def test_every_overlap_within_a_family_is_a_cell(record, key):
    figure = figures.overlaps(record, key)
    shown = [text.get_text() for axis in figure.axes[: len(FAMILIES)] for text in axis.texts]
    family = {one["title"]: one["family"] for one in record.found["sets"]}
    there = [one for one in record.found["overlaps"] if family[one["training"]] == family[one["evaluation"]]]
    counts = [str(one[key]) for one in there if one[key]]
    assert sorted(shown) == sorted([*counts, *FAMILIES.values()])
    for axis, name in zip(figure.axes, FAMILIES, strict=False):
        assert [tick.get_text() for tick in axis.get_xticklabels()] == [
            called(one) for one in record.sets("evaluation", name)
        ]


def test_numbers_in_cells_are_legible():
    assert figures._legible((1, 1, 1, 1)) == "#000000" and figures._legible((0.2, 0, 0.2, 1)) == "#ffffff"


def test_pairs_with_an_item_under_any_key_are_in_the_table(record):
    frame = tables.overlaps(record).set_index(["Training", "Evaluation"])
    assert len(frame) == len(record.found["overlaps"])
    alike = frame.loc[("MAWPS, cleaned", "SingleEq")]
    assert (alike["Letters and digits"], alike["Numbers masked"], alike["Near"]) == ("0", "5", "15")
    shared = {"training": "GSM8K", "evaluation": "AQuA", "exact": 0, "normalised": 0, "masked": 0, "near": 0}
    assert tables.overlaps(Record({**record.found, "overlaps": [shared]})).empty


def test_what_cleaning_leaves_is_told(record):
    said = words.reading(record).data
    assert "*MAWPS, cleaned* has 5 of SingleEq and 11 of MAWPS with numbers masked, and 2 of SVAMP, 15 of" in said
    assert "*Math10K, cleaned* has nothing with numbers masked, and 5 of SVAMP, 20 of SingleEq" in said


def test_repeats_and_majorities_are_in_the_tables(record):
    frame = tables.sets(record, "commonsense").set_index("Set")
    assert frame.loc["WinoGrande, training", "Repeats"] == "22,752"
    assert frame.loc["HellaSwag*, training", "Classes"] == "4"
    assert tables.sets(record, "arithmetic").set_index("Set").loc["SVAMP, evaluation", "Majority, %"] == ""


def test_overlaps_between_families_are_told():
    def described(title, role, family):
        return {"title": title, "role": role, "family": family}

    found = {
        "sets": [described("Learnt", "train", "glue"), described("Asked", "evaluation", "arithmetic")],
        "overlaps": [{"training": "Learnt", "evaluation": "Asked", "near": 3}],
    }
    assert words._families(Record(found)) == ("**Between families**: Learnt has 3 of Asked, near-duplicates included.")
    assert "nothing is shared" in words._families(Record({**found, "overlaps": []}))


def test_the_set_up_says_how_near_duplicates_were_sought(record):
    said = dict(tables.setup(record).itertuples(index=False))
    assert "126 permutations in 21 bands of 6" in said["Search"] and said["Missed"].startswith("0.2%")


def test_provenance_names_command_and_absent_sets(record):
    said = words.provenance(Record({**record.found, "absent": [{"title": "Lost", "role": "train"}]})).data
    assert "pelt data audit --json" in said and "Lost (train)" in said
    assert "nothing" in words.provenance(record).data
