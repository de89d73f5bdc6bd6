"""The page on construction, from the committed records: every count is in it, and texts of the data are not markup."""

import copy
import re

import matplotlib.pyplot as plt
import pytest

from pelt_core import publish
from pelt_core.report.construction import figures, tables, words
from pelt_core.report.construction.builds import ANNOTATED, CLEAN, Builds, build_name, load

RECORDS = publish.ROOT / "data" / "records"


@pytest.fixture
def builds():
    return load(RECORDS / "math10k.json", RECORDS / "commonsense170k.json")


@pytest.fixture
def taught(builds):
    """As if a model had answered half of the questions of each source."""
    report = copy.deepcopy(builds.math[ANNOTATED])
    report["teacher"] = {"teacher": "local", "backbone": "tiny-llama", "attempts": 2}
    for one in report["sources"]:
        one |= {"asked": 10, "kept": 5, "yield": 0.5, "dropped": {"wrong answer": 4, "no answer": 1}}
    return Builds({**builds.math, "math10k/local": report}, builds.commonsense)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_the_counts_are_those_of_the_papers_and_of_the_mirror(builds):
    total = builds.commonsense["published"]["total"]
    assert total["published"] == 170_420 and total["rows"] + total["missing"] == total["published"]
    assert builds.commonsense["distinct"]["total"]["left_out"] >= 22_752
    assert builds.math[ANNOTATED]["rows"] > builds.math[CLEAN]["rows"] > 9000


def test_excerpts_are_short(builds):
    for report in builds.math.values():
        for one in report["excerpts"]:
            assert max(len(one[field]) for field in ("question", "written", "detail")) < 120


def test_every_question_has_one_fate(builds):
    for report in builds.math.values():
        for one in report["sources"]:
            assert one["kept"] + sum(one["dropped"].values()) == one["asked"]


def test_a_model_is_a_build_of_its_own_with_its_yield(taught):
    assert build_name("math10k/local", taught.math["math10k/local"]) == "Math10K, tiny-llama"
    frame = tables.yields(taught)
    own = frame[frame["Build"] == "Math10K, tiny-llama"]
    assert list(own["Yield, %"]) == ["50.0"] * 4 and list(own["Asked"]) == ["10"] * 4
    said = words.reading(taught).data
    assert "**Math10K, tiny-llama** was asked 40 questions and answered 20 of them right within 2 attempts" in said
    assert "In *MathQA, validation* a guess of one of 5 letters is right within 2 attempts in 36 % of" in said
    assert "From *GSM8K, train*, *MAWPS, train* and *MAWPS-single, train* the questions that the teacher" in said
    assert "attempts 2" in dict(tables.setup(taught).itertuples(index=False))["Math10K, tiny-llama"]


def test_reasons_are_counted_with_their_stage(taught):
    frame = tables.reasons(taught)
    wrong = frame[frame["Reason"] == "wrong answer"]
    assert set(wrong["When"]) == {"dropped"} and set(wrong["Questions"]) == {"4"} and len(wrong) == 4
    assert "in an evaluation set" in set(frame[frame["Build"] == "Math10K, cleaned, annotated"]["Reason"])


def test_bars_are_whole_and_numbered_by_what_is_kept(taught):
    axis = figures.fates(taught).axes[0]
    sources = sum(len(report["sources"]) for report in taught.math.values())
    widths: dict[float, float] = {}
    for bar in axis.patches:
        middle = round(bar.get_y() + bar.get_height() / 2, 3)
        widths[middle] = widths.get(middle, 0.0) + bar.get_width()
    assert len(widths) == sources and all(width == pytest.approx(1) for width in widths.values())
    assert [text.get_text() for text in axis.texts].count("5") == 4
    sampled = next(one for one in taught.math[ANNOTATED]["sources"] if figures.SAMPLED in one["not_asked"])
    assert sampled["yield"] in [pytest.approx(bar.get_width()) for bar in axis.patches]


def test_each_set_has_three_marks_and_a_bar(builds):
    axis = figures.variants(builds).axes[0]
    marks = [line for line in axis.lines if len(line.get_xdata()) == 1 and line.get_marker() != "None"]
    assert len(marks) == 3 * 8 and len(axis.get_yticklabels()) == 8


def test_the_table_of_variants_adds_up(builds):
    frame = tables.variants(builds).set_index("Set").map(lambda text: int(text.replace(",", "")))
    assert (frame.drop("All").sum() == frame.loc["All"]).all()


def test_texts_of_the_data_are_not_read_as_markup(builds):
    assert tables._quoted("$5 | *x* [1]") == r"\$5 \| \*x\* \[1\]"
    report = copy.deepcopy(builds.math[ANNOTATED])
    report["excerpts"] = [
        {"id": "mawps-single-train-00001", "reason": "kept", "question": "a|b", "written": "", "detail": ""}
    ]
    frame = tables.excerpts(Builds({ANNOTATED: report, CLEAN: report}, {}))
    assert len(frame) == 1 and frame.loc[0].tolist() == ["annotated", "MAWPS-single, train", r"a\|b", "", "kept"]


def test_the_reading_tells_what_cleaning_takes_and_what_is_missing(builds):
    said = words.reading(builds).data
    lost = builds.math[ANNOTATED]["rows"] - builds.math[CLEAN]["rows"]
    assert f"Cleaning takes {lost:,} rows" in said and "of HellaSwag" in said
    taken = said.split("Cleaning takes")[1].split("\n\n")[0]
    fewer, more = (
        [int(count.replace(",", "")) for count in re.findall(rf"([\d,]+) {which} of", taken)]
        for which in ("fewer", "more")
    )
    assert sum(fewer) - sum(more) == lost and "more of *MathQA, validation" in taken
    assert "with uncommitted changes" not in words.provenance(builds).data
