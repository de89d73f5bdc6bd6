"""A training goes on only from checkpoints of its own."""

from pathlib import Path

import pytest
from datasets import Dataset
from models import tiny
from transformers import PreTrainedModel

from pelt_core.attachment import attach
from pelt_core.parts_trainer import COMPLETE
from pelt_core.resuming import NOTE, AnotherTraining, checkpoint_of

ROWS = Dataset.from_list([{"id": str(i), "input_ids": [4, 5, 6 + i], "labels": [-100, 5, 6 + i]} for i in range(3)])
SETTINGS = {"learning_rate": 1e-3, "epochs": 2}


def ready(method: str = "lora(rank=2)@q,v") -> PreTrainedModel:
    model = tiny("llama")
    attach(model, method)
    return model


def begun(folder: Path, *steps: int) -> Path:
    """A folder in which a training made checkpoints after these steps."""
    assert checkpoint_of(folder, ready(), ROWS, SETTINGS) is None
    for step in steps:
        (folder / f"checkpoint-{step}").mkdir()
        (folder / f"checkpoint-{step}" / COMPLETE).touch()
    return folder


def test_the_newest_checkpoint_is_the_one_with_the_most_steps(tmp_path: Path) -> None:
    folder = begun(tmp_path / "new", 8, 10, 9)
    assert checkpoint_of(folder, ready(), ROWS, SETTINGS) == str(folder / "checkpoint-10")
    (folder / "checkpoint-10" / COMPLETE).unlink()
    assert checkpoint_of(folder, ready(), ROWS, SETTINGS) == str(folder / "checkpoint-9")


@pytest.mark.parametrize(
    ("method", "rows", "settings", "named"),
    [
        ("lora(rank=2)@q,v", ROWS, SETTINGS | {"epochs": 3}, "epochs"),
        ("lora(rank=2)@q,v", ROWS.select([0, 2, 1]), SETTINGS, "rows"),
        ("lora(rank=3)@q,v", ROWS, SETTINGS, "trained tensors"),
        ("lora(rank=2)@q", ROWS, SETTINGS | {"learning_rate": 1.0}, "learning_rate, trained tensors"),
    ],
)
def test_another_training_is_refused(method: str, rows: Dataset, settings: dict, named: str, tmp_path: Path) -> None:
    folder = begun(tmp_path, 5)
    with pytest.raises(AnotherTraining, match=f"it differs in {named}. Give"):
        checkpoint_of(folder, ready(method), rows, settings)


def test_a_folder_without_checkpoints_is_begun_anew(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    assert checkpoint_of(folder, ready(), ROWS, SETTINGS | {"epochs": 9}) is None


def test_checkpoints_that_nobody_noted_are_refused(tmp_path: Path) -> None:
    folder = begun(tmp_path, 5)
    (folder / NOTE).unlink()
    with pytest.raises(AnotherTraining, match="rows"):
        checkpoint_of(folder, ready(), ROWS, SETTINGS)
