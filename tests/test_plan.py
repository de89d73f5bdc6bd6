import dataclasses

import pytest
from samples import RUN
from test_ledger import ITEMS, row_of

from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.plan import Speed, Work, plan

SMALL = dataclasses.replace(RUN, backbone="tiny-llama")
OTHER = dataclasses.replace(SMALL, seed=1)


def test_work_counts_every_token_there_can_be():
    work = Work.of(RUN)
    assert work.trained == 1000 * 1 * 256
    assert work.evaluated == 400 * (256 + 128) + 200 * 256  # 200 questions of two sets; worked answers of one


def test_small_sets_are_asked_whole_and_untrained_runs_train_nothing():
    base = dataclasses.replace(RUN, train="", evaluate=("aqua",), loss_sets=(), questions=2000)
    assert Work.of(base) == Work(trained=0, evaluated=254 * 384)


def test_hours_are_reckoned_from_recorded_runs_of_the_backbone(tmp_path):
    ledger = Ledger(tmp_path)
    assert plan([SMALL], ledger)[0]["hours"] is None
    seconds = {"train": 3600.0, "evaluate": 1800.0}
    ledger.write(row_of(SMALL, seconds=seconds, backbone_parameters=32_160), ITEMS)
    done, todo = plan([SMALL, OTHER], ledger)
    assert (done["recorded"], todo["recorded"]) == (True, False)
    assert todo["hours"] == pytest.approx(1.5)  # the same work as the recorded run
    twice = dataclasses.replace(OTHER, epochs=2)
    assert plan([twice], ledger)[0]["hours"] == pytest.approx(2.5)


def test_hours_of_another_device(tmp_path):
    [row] = plan([SMALL], Ledger(tmp_path), Speed(1e9, 1e9, "a device"))
    assert row["hours"] * 3600 * 1e9 == pytest.approx(row["petaflops"] * 1e15)
    assert row["petaflops"] * 1e15 == pytest.approx(32_160 * (4 * row["train_tokens"] + 2 * row["evaluate_tokens"]))


def test_a_diverged_run_says_nothing_about_speed():
    assert Speed.recorded([row_of(status="diverged", metrics={})], RUN.backbone) is None


def test_the_paper_preset_plans_without_weights_or_data(tmp_path):
    rows = plan(grid("placement", "paper", seeds=[0], only=["*)@mlp"]), Ledger(tmp_path))
    assert {row["trainable_parameters"] for row in rows} == {67_248_128}
    assert all(17 < row["gigabytes"] < 21 for row in rows)
