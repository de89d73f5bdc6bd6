import pytest
from reasoning_rows import study

from pelt_core.report.reasoning import construction, figures


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    return study(tmp_path_factory.mktemp("ledger"), "training-data")


def test_sizes_are_those_of_one_source_with_one_prompt(scores):
    found = construction.sizes(scores)
    assert found["size"].tolist() == [250, 500, 1000, 2000] and set(found["sources"]) == {"math10k-clean"}
    (axis,) = figures.sweep(found, "training rows").axes
    assert [text.get_text() for text in axis.texts] == ["Math10K, cleaned"]


def test_another_source_and_another_prompt_are_held_against_the_usual_of_as_many_rows(scores):
    found = construction.contrasts(scores)
    assert set(found["heading"]) == {"Math10K − Math10K, cleaned", "The published prompt − ours"}
    assert len(found) == 4 and (found["seeds"] == 2).all() and found["p"].notna().all()


def test_the_table_has_a_line_a_mix_and_prompt(scores):
    shown = construction.table(scores)
    assert shown["Rows"].tolist() == ["", "250", "250", "250", "500", "1,000", "2,000"]
    assert shown["Prompt"].nunique() == 2 and (shown["Loss, GSM8K"] != "not run yet").all()


def test_the_reading_goes_by_size(scores):
    said = construction.reading(construction.sizes(scores), construction.contrasts(scores)).data
    assert "4 sizes" in said and "with 2,000" in said and "The published prompt − ours" in said


def test_answers_are_read_in_two_ways(tmp_path):
    written = study(tmp_path, "arithmetic", keep=lambda run: run.method != "full")
    for run in written.runs:
        if run.method != "full":
            items = written.items(run.key)
            items["correct_published"] = items["correct"] & (items["set"] != "aqua")
            metrics = written.rows[run.key]["metrics"]
            metrics["accuracy_published"] = metrics["accuracy"]
    shown = construction.readings(written).set_index("Method")
    assert shown.loc["LoRA", "Published − mended"].startswith("−") and shown.loc["LoRA", "p"]
    assert shown.loc["Base model", "p"] == "" and shown.loc["Full fine-tuning", "Mended"] == "not run yet"


def test_without_rows_nothing_is_read(tmp_path):
    nothing = study(tmp_path, "training-data", keep=lambda run: False)
    said = construction.reading(construction.sizes(nothing), construction.contrasts(nothing)).data
    assert said == "There is nothing to read yet."
