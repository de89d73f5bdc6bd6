from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from datasets import Dataset

from pelt_core import attach
from pelt_core.backbones import load_classifier
from pelt_core.best_epoch import BestEpoch
from pelt_core.classifier import Classifier
from pelt_core.train import fit

ROWS = Dataset.from_list([{"input_ids": [5 + i, 6, 7], "label": i % 2} for i in range(8)])


def trained(
    scores: list[float], patience: int, folder: Path, losses: list[float] | None = None
) -> tuple[Classifier, BestEpoch, list[torch.Tensor]]:
    """A training whose epochs score as told, and the head's weight after each."""
    torch.manual_seed(0)
    model = load_classifier("tiny-bert", "mean", 2)
    attach(model, "head")
    told: Iterator[tuple[float, float]] = zip(scores, losses or [1.0] * len(scores), strict=True)
    seen: list[torch.Tensor] = []

    def score() -> tuple[float, float]:
        seen.append(model.classifier.weight.detach().clone())
        return next(told)

    best = BestEpoch(score, patience)
    fit(
        model,
        ROWS,
        learning_rate=0.1,
        epochs=len(scores),
        batch_size=4,
        warmup=0,
        weight_decay=0.0,
        seed=0,
        workdir=folder,
        callbacks=[best],
    )
    return model, best, seen


@pytest.mark.parametrize(
    ("scores", "best"),
    [([0.1, 0.3, 0.2], 2), ([0.3, 0.3, 0.1], 1), ([math.nan, 0.0, math.nan], 2), ([-2.0, -1.0], 2)],
)
def test_the_best_epoch_comes_back(scores: list[float], best: int, tmp_path: Path) -> None:
    model, kept, seen = trained(scores, 0, tmp_path)
    assert len(seen) == len(scores) and not torch.equal(seen[0], seen[-1])
    assert kept.best == best
    kept.restore(model)
    assert torch.equal(model.classifier.weight, seen[best - 1])


def test_it_stops_when_no_epoch_is_better(tmp_path: Path) -> None:
    _, kept, seen = trained([0.1, 0.5, 0.4, 0.5, 0.9], 2, tmp_path)
    assert [metric for metric, _ in kept.scores] == [0.1, 0.5, 0.4, 0.5] and len(seen) == 4


def test_of_equal_scores_the_lower_loss_is_better(tmp_path: Path) -> None:
    """A metric that stays at 0 while one class is predicted does not end a training that still learns."""
    losses = [1.0, 0.9, 0.8, 0.85, 0.9, 0.7]
    model, kept, seen = trained([0.0] * 6, 2, tmp_path, losses)
    assert kept.best == 3 and len(seen) == 5
    kept.restore(model)
    assert torch.equal(model.classifier.weight, seen[2])


def test_without_a_score_the_end_stays(tmp_path: Path) -> None:
    model, kept, seen = trained([math.nan, math.nan], 0, tmp_path)
    kept.restore(model)
    assert kept.best == 0
    assert torch.equal(model.classifier.weight, seen[-1])
