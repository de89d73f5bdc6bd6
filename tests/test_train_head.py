"""A classifier's head with a learning rate of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from torch import Tensor

from pelt_core import attach
from pelt_core.backbones import load_classifier, load_model
from pelt_core.train import NothingToTrain, fit

ROWS = Dataset.from_list([{"input_ids": [5 + i, 6, 7], "label": i % 2} for i in range(8)])
COMMON: dict[str, Any] = {"epochs": 2, "batch_size": 4, "warmup": 0, "weight_decay": 0.01, "seed": 0}


def moved(folder: Path, **rates: float) -> dict[str, Tensor]:
    """By how much each trained tensor has moved."""
    torch.manual_seed(0)
    model = load_classifier("tiny-bert", "mean", 2)
    attach(model, "lora@q")
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    before = {name: p.detach().clone() for name, p in trained.items()}
    fit(model, ROWS, **COMMON, **rates, workdir=folder)
    return {name: p.detach() - before[name] for name, p in trained.items()}


def test_head_and_method_have_rates_of_their_own(tmp_path: Path) -> None:
    alone = moved(tmp_path / "a", learning_rate=0.0, head_learning_rate=0.1)
    assert all(change.any() == name.startswith("classifier.") for name, change in alone.items())
    rest = moved(tmp_path / "b", learning_rate=0.1, head_learning_rate=0.0)
    assert any(change.any() for name, change in rest.items() if not name.startswith("classifier."))
    assert not any(change.any() for name, change in rest.items() if name.startswith("classifier."))


def test_the_same_rate_said_twice_is_the_same_training(tmp_path: Path) -> None:
    one = moved(tmp_path / "a", learning_rate=0.1)
    other = moved(tmp_path / "b", learning_rate=0.1, head_learning_rate=0.1)
    for name, change in one.items():
        torch.testing.assert_close(other[name], change)


def test_a_rate_for_a_head_that_is_not_there_is_refused(tmp_path: Path) -> None:
    model = load_model("tiny-llama")
    attach(model, "lora@q")
    rows = Dataset.from_list([{"input_ids": [5, 6], "labels": [-100, 6]}])
    with pytest.raises(NothingToTrain, match="LlamaForCausalLM has no task's head"):
        fit(model, rows, **COMMON, learning_rate=0.1, head_learning_rate=0.1, workdir=tmp_path)
