"""Cells aligned over the tasks, items and seeds that all of them have."""

from pathlib import Path

from few_shot_claims import ITEMS, evidence

from pelt_core.study.claims import reasons
from pelt_core.study.claims.evidence import Silent
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
    assert rows.signal == {"paraphrase": False}
    assert rows.silent("low-resource", ["paraphrase"]) == Silent(everywhere=("paraphrase",))
    assert rows.aligned("low-resource", cells).tasks == ()
    every = rows.of_every_task()
    assert every.silent("low-resource", ["paraphrase"]) == Silent() and every.aligned("low-resource", cells).tasks == (
        "paraphrase",
    )


def test_of_a_task_whose_signal_is_not_known_nothing_is_left_out(tmp_path: Path) -> None:
    rows = evidence(tmp_path, SKILLS)
    assert rows.signal == {} and rows.silent("low-resource", ["paraphrase"]) == Silent()


def test_a_task_is_left_out_where_with_so_many_examples_no_method_leaves_the_baseline(tmp_path: Path) -> None:
    """At 100 examples of QQP all know nothing; with 500, and on SST-2, they do."""

    def skill(run: ClassificationRun, own: float) -> float:
        return -1.0 if (run.task, run.examples) == ("qqp", 100) else own

    def keep(run: ClassificationRun) -> bool:
        return run.task in ("sst2", "qqp") and run.examples in (100, 500) and run.seed < 2

    rows = evidence(tmp_path, SKILLS, keep, "paper", skill=skill)
    found = rows.aligned("low-resource", CELLS, ["sst2", "qqp"], 100)
    assert found.tasks == ("sst2",) and found.silent == Silent(here=("qqp",)) and found.unseen == ()
    said = reasons.of_tasks(found)
    assert said == ("left out, as with so many examples no method leaves the trivial baseline there: qqp",)
    more = {name: {"method": name, "examples": 500} for name in SKILLS}
    assert rows.aligned("low-resource", more, ["sst2", "qqp"], 500).tasks == ("sst2", "qqp")
    assert rows.of_every_task().aligned("low-resource", CELLS, ["sst2", "qqp"], 100).tasks == ("sst2", "qqp")


def test_only_tasks_are_wanted_for_which_the_grid_has_every_cell(tmp_path: Path) -> None:
    """The study of gates has adapters on CoLA alone, and no LoRA there."""
    rows = evidence(tmp_path, {}, preset="laptop")
    sizes = {name: {"method": name, "examples": 100} for name in ("adapter", "adapter-192")}
    assert rows.trained("gates", list(sizes.values())) == ["cola"]
    prefixes = {name: {"method": name, "examples": 100} for name in ("prefix", "prefix-50")}
    assert set(rows.aligned("gates", prefixes).unseen) == {"sst2", "qqp"}
    named = rows.aligned("gates", prefixes, ["sst2", "cola"])
    assert named.unseen == ("sst2",) and named.outside == ("cola",)
    assert "the study does not train what is compared there: cola" in reasons.of_tasks(named)


def test_a_study_that_the_preset_does_not_have_has_no_rows(tmp_path: Path) -> None:
    rows = evidence(tmp_path, SKILLS)
    assert rows.scores("elsewhere").table.empty and rows.runs("elsewhere") == []
    assert rows.aligned("elsewhere", CELLS).tasks == ()
    assert rows.times is None or rows.times["cells"]
