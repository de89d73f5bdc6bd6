"""Cells aligned over the tasks, items and seeds that all of them have."""

from pathlib import Path

from few_shot_claims import ITEMS, evidence

from pelt_core.study.run import ClassificationRun

CELLS = {name: {"method": name, "examples": 100} for name in ("lora", "prefix")}
SKILLS = {"lora": 0.7, "prefix": 0.6}


def test_only_what_all_cells_have_counts(tmp_path: Path) -> None:
    def keep(run: ClassificationRun) -> bool:
        return (run.task, run.examples) in {("sst2", 100), ("qqp", 100)} and (run.seed < 3 or "prefix" in run.method)

    found = evidence(tmp_path, SKILLS, keep, "paper").aligned("low-resource", CELLS, ["sst2", "qqp", "rte"])
    assert (found.tasks, found.seeds, found.items) == (("sst2", "qqp"), 3, 2 * ITEMS)
    assert found.unseen == ("rte",) and found.fewer == ()
    assert found.frames["lora"].index.equals(found.frames["prefix"].index)


def test_a_task_with_one_seed_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    def keep(run: ClassificationRun) -> bool:
        return run.examples == 100 and (run.task == "sst2" or (run.task, run.seed) == ("qqp", 0))

    rows = evidence(tmp_path, SKILLS, keep, "paper")
    found = rows.aligned("low-resource", CELLS, ["sst2", "qqp"])
    assert (found.tasks, found.seeds, found.fewer) == (("sst2",), 5, ("qqp",))
    alone = rows.aligned("low-resource", CELLS, ["qqp"])
    assert (alone.tasks, alone.seeds) == (("qqp",), 1)


def test_a_task_without_a_signal_is_left_out_unless_every_task_counts(tmp_path: Path) -> None:
    rows = evidence(tmp_path, {"full": -1.0} | SKILLS)
    cells = {name: {"method": name} for name in SKILLS}
    assert rows.signal == {"paraphrase": False} and rows.silent("low-resource") == ("paraphrase",)
    assert rows.aligned("low-resource", cells).tasks == ()
    every = rows.of_every_task()
    assert every.silent("low-resource") == () and every.aligned("low-resource", cells).tasks == ("paraphrase",)


def test_of_a_task_whose_signal_is_not_known_nothing_is_left_out(tmp_path: Path) -> None:
    rows = evidence(tmp_path, SKILLS)
    assert rows.signal == {} and rows.silent("low-resource") == ()


def test_a_study_that_the_preset_does_not_have_has_no_rows(tmp_path: Path) -> None:
    rows = evidence(tmp_path, SKILLS)
    assert rows.scores("elsewhere").table.empty and rows.runs("elsewhere") == []
    assert rows.aligned("elsewhere", CELLS).tasks == ()
    assert rows.times is None or rows.times["cells"]
