"""A run of classification is carried out from the value to the row, on tiny models and embedded data."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pytest import MonkeyPatch

from pelt_core import data, provenance
from pelt_core.classifier import PoolingError
from pelt_core.data.glue.few_shot import draw
from pelt_core.data.glue.tasks import task
from pelt_core.study import gate_values
from pelt_core.study.check import check
from pelt_core.study.execute import execute
from pelt_core.study.ledger import Ledger
from pelt_core.study.plan import Work
from pelt_core.study.run import ClassificationRun

RUN = ClassificationRun(
    backbone="tiny-bert",
    method="lora(rank=4)@q,v",
    data_sha256=data.digest_of_splits({"paraphrase": ("train", "test")}),
    learning_rate=1e-2,
    epochs=3,
    batch_size=4,
    warmup=0,
    weight_decay=0.0,
    max_length=64,
    precision="fp32",
    seed=0,
    task="paraphrase",
    train_from="train",
    test_from="test",
    examples=8,
    shuffle=0,
    dev_rows=10,
    test_rows=12,
    pooling="mean",
    train_head=True,
    head_learning_rate=2e-2,
    patience=0,
)


@pytest.mark.parametrize("pooling", ["mean", "pair"])
def test_a_row_says_what_was_trained_and_how_it_did(pooling: str, tmp_path: Path) -> None:
    run, ledger = replace(RUN, pooling=pooling), Ledger(tmp_path / "ledger")
    row, items = execute(run, tmp_path / "work")
    ledger.write({**row, "provenance": provenance.collect()}, items)
    row, items = ledger.read([run])[0], ledger.items(run)
    assert [step for step, _ in row["loss_curve"]] == [1, 2, 3, 4, 5, 6]
    assert (row["training_rows"], len(items), len(row["dev"])) == (8, 12, 3)
    assert row["sample_sha256"] == draw("paraphrase", 8, 0, 10, "train", "test").digest
    assert row["dev"][row["best_epoch"] - 1]["accuracy"] == max(epoch["accuracy"] for epoch in row["dev"])
    right = [item["correct"] for item in items]
    assert row["metrics"]["accuracy"]["paraphrase"] == pytest.approx(sum(right) / 12)
    assert row["metrics"]["loss"]["paraphrase"] == pytest.approx(sum(item["loss"] for item in items) / 12, abs=1e-4)
    for item in items:
        given = torch.tensor(item["output"])
        assert item["extracted"] == given.argmax() and item["correct"] == (item["extracted"] == item["gold"])
        assert item["loss"] == pytest.approx(-given.log_softmax(0)[item["gold"]].item(), abs=1e-3)


def test_the_same_run_gives_the_same_row(tmp_path: Path) -> None:
    one, other = (execute(RUN, tmp_path / name) for name in "ab")
    assert one[1] == other[1] and one[0]["loss_curve"] == other[0]["loss_curve"]


def test_test_rows_are_the_same_whatever_was_trained_on(tmp_path: Path) -> None:
    asked = [
        [item["id"] for item in execute(run, tmp_path / "w")[1]]
        for run in (replace(RUN, epochs=1), replace(RUN, epochs=1, examples=4, shuffle=3, seed=3))
    ]
    assert asked[0] == asked[1]


def test_a_frozen_head_stays_as_it_was_drawn(tmp_path: Path) -> None:
    trained, frozen = (execute(replace(RUN, train_head=flag, epochs=1), tmp_path / "w")[0] for flag in (True, False))
    hidden, labels = 32, 2
    assert trained["trainable_parameters"] - frozen["trainable_parameters"] == hidden * labels + labels


def test_a_score_is_predicted_from_the_mean_of_the_training_rows_on(tmp_path: Path, monkeypatch: MonkeyPatch) -> None:
    """Two epochs at a rate of nothing leave the head where it starts."""
    scores = {"paraphrase": replace(task("paraphrase"), metric="spearman", labels=())}
    monkeypatch.setattr("pelt_core.study.classifying.task", scores.__getitem__)
    monkeypatch.setattr("pelt_core.study.classifying.metric", lambda name, predicted, labels: {"spearman": 0.0})
    row, items = execute(replace(RUN, method="head", learning_rate=0.0, head_learning_rate=1e-12), tmp_path / "w")
    labels = draw("paraphrase", 8, 0, 10, "train", "test").train["label"]
    given = sum(item["output"][0] for item in items) / len(items)
    assert 0 < sum(labels) / 8 < 1 and given == pytest.approx(sum(labels) / 8, abs=0.3)
    assert row["metrics"]["loss"]["paraphrase"] < 0.5


def test_a_training_that_diverges_is_a_row_without_metrics(tmp_path: Path) -> None:
    row, items = execute(replace(RUN, method="full", learning_rate=1e30), tmp_path / "w")
    assert row["status"] == "diverged" and not items and not row["metrics"]
    assert row["dev"][-1] == {"accuracy": None, "loss": None}


@pytest.mark.parametrize("method", ["full", "sequence*[pfeiffer(bottleneck=4)@mlp_norm+lora(rank=4)@q,v]"])
def test_a_last_update_that_overflows_is_recorded_as_diverged(method: str, tmp_path: Path) -> None:
    run = replace(RUN, method=method, learning_rate=1e30, head_learning_rate=1e30, epochs=1, batch_size=8)
    row, items = execute(run, tmp_path / "w")
    assert [step for step, loss in row["loss_curve"] if loss is not None] == [1]
    assert (row["status"], row["metrics"], items) == ("diverged", {}, [])
    Ledger(tmp_path / "ledger").write({**row, "provenance": {}}, items)


def test_gates_that_may_not_be_forced_leave_the_run_finished(tmp_path: Path, monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr(gate_values, "FORCED", (math.inf,))
    row, items = execute(replace(RUN, method="sequence*lora(rank=4)@q,v", epochs=1), tmp_path / "w")
    Ledger(tmp_path / "ledger").write({**row, "provenance": {}}, items)
    forced = row["gates"]["forced"]
    assert row["status"] == "finished" and forced["inf"] == {"accuracy": None, "loss": None} and forced["free"]["loss"]


def test_a_head_alone_that_is_frozen_has_nothing_to_train() -> None:
    with pytest.raises(ValueError, match="head"):
        replace(RUN, method="head", train_head=False)


def test_what_cannot_be_done_is_found_before_the_first_run() -> None:
    check([RUN, replace(RUN, pooling="pair")])
    with pytest.raises(PoolingError, match="'max'"):
        check([replace(RUN, pooling="max")])


def test_work_counts_every_token_there_can_be() -> None:
    work = Work.of(RUN)
    assert (work.trained, work.evaluated) == (8 * 3 * 64, (10 * 3 + 12) * 64)
    everything = Work.of(replace(RUN, examples=0))
    assert everything.trained == (data.catalogue.pin("paraphrase", "train").rows - 10) * 3 * 64
