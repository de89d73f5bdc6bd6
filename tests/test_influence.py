"""What an item adds to a score: against the score computed again without each item."""

import numpy as np
import pytest
from scipy import stats

from pelt_core.data.glue.metrics import BadPredictions, metric
from pelt_core.study.influence import influence

RNG = np.random.default_rng(0)


def sample(task: str, items: int, rng: np.random.Generator = RNG) -> tuple[np.ndarray, np.ndarray]:
    if task == "stsb":
        labels = rng.integers(0, 11, items) / 2
        return labels + rng.normal(0, 1.5, items), labels
    labels = (rng.random(items) < 0.35).astype(int)
    return np.where(rng.random(items) < 0.75, labels, 1 - labels), labels


@pytest.mark.parametrize("task", ["sst2", "mrpc", "cola", "stsb"])
def test_the_mean_is_the_score(task: str) -> None:
    predictions, labels = sample(task, 80)
    (score,) = metric(task, predictions.tolist(), labels.tolist()).values()
    assert influence(task, predictions, labels).mean() == pytest.approx(score, abs=1e-12)


@pytest.mark.parametrize("task", ["sst2", "mrpc", "cola"])
def test_every_item_is_left_out_in_turn(task: str) -> None:
    predictions, labels = sample(task, 30)
    without = [
        next(iter(metric(task, np.delete(predictions, i).tolist(), np.delete(labels, i).tolist()).values()))
        for i in range(30)
    ]
    expected = np.mean(without) - without
    found = influence(task, predictions, labels)
    np.testing.assert_allclose((found - found.mean()) / 29, expected, atol=1e-12)


def test_an_accuracy_is_made_of_zeros_and_ones() -> None:
    predictions, labels = sample("sst2", 50)
    np.testing.assert_allclose(influence("sst2", predictions, labels), predictions == labels, atol=1e-12)


def test_ranks_are_left_as_they_are() -> None:
    predictions, labels = sample("stsb", 40)
    ranks = stats.rankdata(predictions), stats.rankdata(labels)
    without = [np.corrcoef(np.delete(ranks[0], i), np.delete(ranks[1], i))[0, 1] for i in range(40)]
    found = influence("stsb", predictions, labels)
    np.testing.assert_allclose((found - found.mean()) / 39, np.mean(without) - without, atol=1e-12)


@pytest.mark.parametrize("task", ["mrpc", "cola", "stsb"])
def test_the_variance_is_that_of_new_items(task: str) -> None:
    rng = np.random.default_rng(1)
    draws = [sample(task, 400, rng) for _ in range(600)]
    scores = [next(iter(metric(task, p.tolist(), y.tolist()).values())) for p, y in draws]
    estimated = np.mean([influence(task, p, y).var(ddof=1) / 400 for p, y in draws[:60]])
    assert estimated == pytest.approx(np.var(scores, ddof=1), rel=0.2)


@pytest.mark.parametrize("task", ["mrpc", "cola", "stsb"])
def test_predictions_that_are_all_the_same_are_worth_what_the_metric_says(task: str) -> None:
    _, labels = sample(task, 30)
    found = influence(task, np.zeros(30, dtype=int), labels)
    np.testing.assert_allclose(found, 0, atol=1e-12)


def test_predictions_must_fit_the_labels() -> None:
    with pytest.raises(BadPredictions, match="2 predictions for 3 labels"):
        influence("sst2", [0, 1], [0, 1, 1])
