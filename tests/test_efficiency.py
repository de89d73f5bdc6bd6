"""The benchmark of what each method costs: the methods of the study, and one turn of two of them on a tiny encoder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import efficiency, machine, tasks
from pelt_core.specification import parse
from pelt_core.study.scores import names


def test_the_methods_are_those_of_the_study_under_the_same_names() -> None:
    own = {str(parse(method)): name for name, method in efficiency.METHODS.items()}
    assert own == names(["low-resource"], "laptop")


def test_rows_of_all_tasks_take_turns_and_without_data_are_embedded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PELT_DATA", raising=False)
    task = tasks.glue_rows("tiny-bert", 100, tmp_path)
    assert "embedded paraphrases" in task.what
    assert len(task.rows) == 100 and {row["label"] for row in task.rows} == {0, 1}
    assert json.loads(task.file.read_text()) == task.rows


def test_operations_are_counted_with_the_method_and_without_weights() -> None:
    counted = {
        name: efficiency.forward_flops("tiny-bert", efficiency.METHODS[name]) for name in ("full", "lora", "prefix")
    }
    assert counted["full"] < min(counted["lora"], counted["prefix"])


def test_both_kinds_of_work_are_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PELT_DATA", raising=False)
    monkeypatch.setattr(machine, "SIZES", ((64, 64, 64),))
    monkeypatch.setattr(efficiency, "METHODS", {name: efficiency.METHODS[name] for name in ("full", "apl")})
    file = tmp_path / "efficiency.json"
    efficiency.main(1, 1, file, quick=True, backbone="tiny-bert")
    results = json.loads(file.read_text())
    assert results["benchmark"] == "efficiency" and results["command"].startswith("python -m benchmarks.efficiency")
    training, inference = results["cells"]
    assert (training["name"], inference["name"]) == ("training", "inference")
    assert training["steps_a_repeat"] == 1 and inference["rows_a_repeat"] > 0 and training["tokens_a_row"] > 1
    for cell in (training, inference):
        full, apl = cell["contenders"]
        assert full["repeats"][0]["work"] == apl["repeats"][0]["work"] > 0
        assert apl["peak_memory_bytes"] > 0 and apl["repeats"][0]["seconds"] > 0
        assert full["head_parameters"] == apl["head_parameters"] < apl["trainable_parameters"]
        assert apl["forward_flops"] > full["forward_flops"]
        assert [(row["of"], row["against"]) for row in cell["comparisons"]] == [("apl", "full")]
    assert "tokens per second" in capsys.readouterr().out
