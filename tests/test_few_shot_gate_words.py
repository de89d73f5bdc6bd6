"""The page on gates says what the rows hold, and what they do not."""

from gate_rows import gates_study, nothing

from pelt_core.report.few_shot import gate_words


def test_the_reading_has_a_paragraph_a_question() -> None:
    study = gates_study()
    said = gate_words.reading(study, study, 100).data
    for heading in ("Which gates open", "Does the score depend", "right from wrong", "counts padding", "LoRA's scale"):
        assert heading in said
    assert "shut, 0: −20.0" in said and "10.0 % of the rows get another class" in said
    assert "nan" not in said


def test_without_rows_nothing_is_read() -> None:
    empty = nothing("gates")
    assert gate_words.reading(empty, empty, 100).data == "No run is recorded yet: there is nothing to read."
    assert set(gate_words.facts(empty, empty, 100).values()) >= {
        "not run yet",
        f"0 of {len(empty.runs)}",
        "0 seeds",
    }
    assert "part of the test rows" in gate_words.limit_points(empty, empty, nothing("glue-signal")).data


def test_facts_and_limits_quote_the_rows() -> None:
    study = gates_study()
    found = gate_words.facts(study, study, 100)
    planned = len(study.runs)
    assert found["gates_recorded"] == f"{planned} of {planned}" and found["gates_padding_changed"] == "10.0 %"
    assert found["gates_forced_apl_0.0"].startswith("−20.0")
    limits = gate_words.limit_points(study, study, nothing("glue-signal")).data
    assert "the first 40 test rows" in limits
    assert "a learning rate of 0.002 without a gate and of 0.0005 with one" in limits
