"""Early stopping: the trained tensors of the epoch that scored best on other rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor
from transformers import PreTrainedModel, TrainerCallback, TrainingArguments

from pelt_core.checkpoint import load_trained_state, trained_state


class BestEpoch(TrainerCallback):
    """Scores the model after every epoch; stops the training when `patience` epochs in a row were no better.

    `restore` then gives the model the best epoch's tensors, the earliest of those that scored the same. What was scored
    before an interruption is not known afterwards: begin such a training anew.

    Args:
        score: of the model as it is; more is better, and not a number is worse than any.
        patience: epochs; 0 to train to the end whatever the scores.

    Attributes:
        scores: of the epochs, in order.

    """

    def __init__(self, score: Callable[[], float], patience: int) -> None:
        self._score, self._patience = score, patience
        self.scores: list[float] = []
        self._kept: dict[str, Tensor] = {}

    @property
    def best(self) -> int:
        """The best epoch so far, counted from 1; 0 before the first, or if none had a score."""
        numbers = [-math.inf if math.isnan(score) else score for score in self.scores]
        return 1 + numbers.index(max(numbers)) if self._kept else 0

    def on_epoch_end(
        self, args: TrainingArguments, state: Any, control: Any, model: PreTrainedModel | None = None, **kwargs: Any
    ) -> None:
        """Scores the epoch, and keeps its tensors if none before was as good."""
        assert model is not None
        score = self._score()
        better = not math.isnan(score) and all(score > before or math.isnan(before) for before in self.scores)
        self.scores.append(score)
        if better:
            self._kept = {name: t.detach().clone() for name, t in trained_state(model).items()}
        control.should_training_stop |= bool(self._patience) and len(self.scores) - self.best >= self._patience

    def restore(self, model: PreTrainedModel) -> None:
        """Gives the model the tensors of the best epoch; leaves it as it is if no epoch had a score."""
        if self._kept:
            load_trained_state(model, self._kept)
