"""A run is carried out from the value to the row, on a tiny model and embedded data."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from pelt_core import data, provenance, train
from pelt_core.study.execute import execute
from pelt_core.study.ledger import Ledger
from pelt_core.study.run import Run

RUN = Run(
    backbone="tiny-llama",
    method="lora(rank=4)@q,v",
    train="arithmetic:8",
    evaluate=("arithmetic",),
    questions=3,
    loss_sets=("arithmetic",),
    data_sha256=data.digest("arithmetic:8", ("arithmetic",)),
    learning_rate=1e-2,
    epochs=1,
    batch_size=4,
    warmup=0,
    weight_decay=0.0,
    max_length=512,
    max_new_tokens=4,
    precision="fp32",
    seed=0,
)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def record(run: Run, ledger: Ledger, workdir: Path) -> dict:
    row, items = execute(run, workdir)
    ledger.write({**row, "provenance": provenance.collect()}, items)
    return ledger.read([run])[0]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_row_says_what_was_trained_and_how_it_did(precision: str, ledger: Ledger, tmp_path: Path) -> None:
    run = replace(RUN, precision=precision)
    row = record(run, ledger, tmp_path)
    assert row["status"] == "finished"
    assert [step for step, _ in row["loss_curve"]] == [1, 2]
    assert row["training_rows"] == 8
    assert row["trainable_parameters"] == 2 * 4 * ((32 + 32) + (32 + 16))  # layers, rank, (in + out) of q and of v
    assert row["extractors"] == {"arithmetic": "last-number@1"}
    items = ledger.items(run)
    assert len(items) == run.questions
    assert row["metrics"]["answer_loss"]["arithmetic"] == pytest.approx(sum(i["loss"] for i in items) / len(items))


def test_the_same_run_gives_the_same_row(tmp_path: Path) -> None:
    (first, items), (second, items_again) = (execute(RUN, tmp_path / name) for name in ("one", "two"))
    for row in (first, second):
        del row["seconds"], row["peak_memory_bytes"]
    assert first == second
    assert items == items_again


def test_the_untrained_backbone_is_evaluated_only(ledger: Ledger, tmp_path: Path) -> None:
    row = record(replace(RUN, method="none", train=""), ledger, tmp_path)
    assert row["trainable_parameters"] == 0
    assert row["loss_curve"] == []
    assert "train" not in row["seconds"]


def test_a_run_that_diverges_is_recorded_without_results(ledger: Ledger, tmp_path: Path) -> None:
    run = replace(RUN, learning_rate=1e30)
    row = record(run, ledger, tmp_path)
    assert (row["status"], row["metrics"]) == ("diverged", {})
    assert ledger.items(run) == []


def test_a_loss_that_is_not_a_number_can_be_recorded(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = train.TrainingResult("diverged", 2, [(1, 0.5), (2, math.nan)], 10, 1.0, 1)
    monkeypatch.setattr(train, "fit", lambda *args, **kwargs: ended)
    assert record(RUN, ledger, tmp_path)["loss_curve"] == [[1, 0.5], [2, None]]
