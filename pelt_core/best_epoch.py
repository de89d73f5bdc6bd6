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

    `restore` then gives the model the best epoch's tensors. A metric such as an F1 stays at 0 as long as one class
    alone is predicted: of epochs that score the same, the one of the lower loss is the better one, and the earliest of
    those. What was scored before an interruption is not known afterwards: begin such a training anew.

    Args:
        score: of the model as it is: a metric of which more is better, and a loss. A metric that is not a number is
            worse than any.
        patience: epochs; 0 to train to the end whatever the scores.

    Attributes:
        scores: of the epochs, in order: metric and loss.

    """

    def __init__(self, score: Callable[[], tuple[float, float]], patience: int) -> None:
        self._score, self._patience = score, patience
        self.scores: list[tuple[float, float]] = []
        self._kept: dict[str, Tensor] = {}

    @property
    def best(self) -> int:
        """The best epoch so far, counted from 1; 0 before the first, or if none had a score."""
        ranks = [_rank(*score) for score in self.scores]
        return 1 + ranks.index(max(ranks)) if self._kept else 0

    def on_epoch_end(
        self, args: TrainingArguments, state: Any, control: Any, model: PreTrainedModel | None = None, **kwargs: Any
    ) -> None:
        """Scores the epoch, and keeps its tensors if none before was as good."""
        assert model is not None
        metric, loss = self._score()
        better = not math.isnan(metric) and all(_rank(metric, loss) > _rank(*before) for before in self.scores)
        self.scores.append((metric, loss))
        if better:
            self._kept = {name: t.detach().clone() for name, t in trained_state(model).items()}
        control.should_training_stop |= bool(self._patience) and len(self.scores) - self.best >= self._patience

    def restore(self, model: PreTrainedModel) -> None:
        """Gives the model the tensors of the best epoch; leaves it as it is if no epoch had a score."""
        if self._kept:
            load_trained_state(model, self._kept)


def _rank(metric: float, loss: float) -> tuple[float, float]:
    return (-math.inf, 0.0) if math.isnan(metric) else (metric, -loss)
