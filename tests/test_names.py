"""Names: one for everything that the studies have, and no other."""

from pelt_core.backbones import BACKBONES
from pelt_core.data import DATASETS
from pelt_core.data.glue.tasks import TASKS
from pelt_core.report import names, style
from pelt_core.study.grids import grid


def test_every_method_has_a_name_of_its_own_and_a_mark():
    assert list(names.METHOD_NAMES) == list(style.MARKS)
    assert len(set(names.METHOD_NAMES.values())) == len(names.METHOD_NAMES)


def test_names_are_those_of_things_that_exist():
    evaluated = {name for run in grid("placement", "laptop") for name in run.evaluate}
    assert evaluated <= set(names.SET_NAMES) <= set(DATASETS)
    assert set(names.BACKBONE_NAMES) <= set(BACKBONES)


def test_every_task_and_metric_of_glue_has_a_name():
    assert set(names.TASK_NAMES) == set(TASKS)
    assert set(names.METRIC_NAMES) == {task.metric for task in TASKS.values()}


def test_what_has_no_other_name_keeps_its_own():
    assert names.set_name("gsm8k") == "GSM8K" and names.set_name("other") == "other"
    assert names.backbone_name("minilm-l6") == "MiniLM-L6" and names.backbone_name("owner/model-1b") == "model-1b"
    assert "MiniLM" in names.backbone_summary("minilm-l6") and names.backbone_summary("folder") == "folder"
