"""The frames that the figures of gates draw."""

from gate_rows import EPOCHS, LAYERS, SEEDS, gates_study, nothing

from pelt_core.report.few_shot import gate_frames as frames


def test_over_tasks_has_the_mean_over_seeds() -> None:
    study = gates_study()
    found = frames.over_tasks(study, "apl", 100)
    assert len(found) == 4 * 2 * LAYERS and set(found["column"]) == {"SST-2", "QQP"}
    one = found[(found["gate"] == "Adapter") & (found["layer"] == 1) & (found["column"] == "SST-2")]["value"].item()
    runs = [run for run in study.runs if study.names[run.method] == "apl" and run.task == "sst2"]
    own = [study.rows[run.key]["gates"] for run in runs]
    assert abs(one - sum(r["test"][r["names"].index("0 mlp_norm pfeiffer")] for r in own) / SEEDS) < 1e-9


def test_one_run_a_task_is_shown_over_training_and_by_row() -> None:
    study = gates_study()
    first = frames.first_of_each_task(study, "apl", 100)
    assert [(run.task, run.seed) for run in first] == [("sst2", 0), ("qqp", 0)]
    assert len(frames.over_epochs(study, "apl", 100)) == 2 * 4 * LAYERS * EPOCHS
    assert len(frames.of_rows(study, "apl", 100)) == 2 * 3 * 40


def test_lines_name_what_is_not_run() -> None:
    full, empty = (frames.forced_lines(study, 100) for study in (gates_study(), nothing("gates")))
    assert full["line"].tolist() == empty["line"].tolist() == ["shut, 0", "half open, 0.5", "open, 1"] * 2
    assert set(full["state"]) == {""} and set(empty["state"]) == {"not run yet"}
    assert full.loc[full["value"] == "0.0", "significant"].all() and not empty["significant"].any()
    assert frames.right_and_wrong_lines(nothing("gates"), 100).empty
    assert frames.size_lines(nothing("gates"), 100)["state"].eq("not run yet").all()


def test_right_and_wrong_has_a_line_a_module() -> None:
    found = frames.right_and_wrong_lines(gates_study(), 100)
    assert len(found) == 2 + 3 and (found["mean"] > 0).all() and found["p_holm"].notna().all()
