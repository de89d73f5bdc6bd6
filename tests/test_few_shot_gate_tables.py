"""Tables of the page on gates have a line a method, task or size, and say what is not run."""

from gate_rows import SEEDS, gates_study, nothing

from pelt_core.report.few_shot import gate_frames, gate_tables


def test_values_name_every_gate() -> None:
    found = gate_tables.values(gates_study(), 100)
    assert list(found.columns) == ["Method", "Task", "Adapter", "Prefix", "LoRA, query", "LoRA, value"]
    assert len(found) == 4 and found["LoRA, value"].tolist().count("") == 2  # AP has no LoRA


def test_forced_gates_by_number_of_examples() -> None:
    found = gate_tables.forced_by_size(gates_study())
    assert found["Examples"].tolist() == ["100", "100"] and found["Runs"].tolist() == [f"{2 * SEEDS}"] * 2
    assert found["Gates shut, 0"].str.startswith("−20.0").all()


def test_padding_by_task_and_reading() -> None:
    found = gate_tables.padding(gates_study())
    assert len(found) == 2 * 2 and set(found["Other class"]) == {"5.0 %", "10.0 %"}
    assert found["Score"].iloc[1].startswith("−1.00") and set(found["Runs"]) == {f"{SEEDS}"}


def test_scales_and_sizes() -> None:
    study = gates_study()
    cells, pairs, sizes = gate_tables.scale_cells(study, 100), gate_tables.scale_pairs(study, 100), None
    assert len(cells) == 4 and {"Scale 1/4", "Scale 2", "Scale 16"} <= set(cells.columns)
    assert pairs["Score"].tolist() == ["scale 1/4 − 2", "scale 16 − 2", "best scale − worst, of each run"]
    sizes = gate_tables.size_cells(study, 100)
    assert sizes["Size"].tolist().count("tokens 50") == 2
    assert sizes.loc[sizes["Task"] == "CoLA", "Size"].tolist() == ["bottleneck 48", "bottleneck 12", "bottleneck 192"]


def test_right_and_wrong_has_a_line_a_module() -> None:
    found = gate_tables.right_and_wrong(gate_frames.right_and_wrong_lines(gates_study(), 100))
    assert len(found) == 5 and found["Pairs above a half"].str.startswith("+").all()


def test_nothing_recorded_is_said() -> None:
    study = nothing("gates")
    tables = [
        *(gate_tables.values(study, 100), gate_tables.forced_by_size(study), gate_tables.padding(study)),
        *(gate_tables.scale_cells(study, 100), gate_tables.scale_pairs(study, 100), gate_tables.size_cells(study, 100)),
        gate_tables.right_and_wrong(gate_frames.right_and_wrong_lines(study, 100)),
    ]
    for table in tables:
        assert table.astype(str).apply(lambda column: column.str.contains("not run yet")).any(axis=None)
        assert not table.astype(str).apply(lambda column: column.str.contains("nan")).any(axis=None)
