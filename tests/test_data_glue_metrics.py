import math
import random

import numpy as np
import pytest

from pelt_core.data.glue.metrics import BadPredictions, baselines, metric
from pelt_core.data.glue.tasks import TASKS, UnknownTask


def test_each_task_has_the_metric_of_the_paper() -> None:
    names = {name: next(iter(metric(name, [1, 0], [1, 0]))) for name in TASKS}
    assert names == {
        "cola": "matthews",
        "sst2": "accuracy",
        "mrpc": "f1",
        "stsb": "spearman",
        "qqp": "f1",
        "mnli": "accuracy",
        "qnli": "accuracy",
        "rte": "accuracy",
        "paraphrase": "accuracy",
    }


def test_the_metrics_follow_their_formulas() -> None:
    # 3 true positives, 2 false positives, 1 false negative, 4 true negatives
    labels = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    predictions = [1, 1, 1, 1, 1, 0, 0, 0, 0, 0]
    assert metric("mrpc", predictions, labels)["f1"] == pytest.approx(2 * 3 / (2 * 3 + 2 + 1))
    assert metric("cola", predictions, labels)["matthews"] == pytest.approx((3 * 4 - 2 * 1) / math.sqrt(5 * 4 * 6 * 5))
    assert metric("rte", predictions, labels)["accuracy"] == pytest.approx(0.7)
    scores = [0.0, 2.5, 4.0, 5.0]  # the ranks 1 3 2 4 against 1 2 3 4: 1 - 6 * 2 / (4 * 15)
    assert metric("stsb", [-7.0, 30.0, 2.9, 31.0], scores)["spearman"] == pytest.approx(0.8)


@pytest.mark.parametrize("constant", [0, 1])
def test_predictions_that_are_all_the_same_have_a_number(constant: int) -> None:
    labels = [0, 1, 1, 0]
    assert metric("cola", [constant] * 4, labels) == {"matthews": 0.0}
    assert metric("cola", labels, [constant] * 4) == {"matthews": 0.0}
    assert metric("cola", [constant] * 4, [constant] * 4) == {"matthews": 0.0}
    assert metric("stsb", [float(constant)] * 4, [0.0, 1.0, 2.5, 5.0]) == {"spearman": 0.0}
    assert metric("stsb", [0.1, 0.2, 0.3, 0.4], [2.0] * 4) == {"spearman": 0.0}
    assert metric("qqp", [0] * 4, labels) == {"f1": 0.0}
    assert metric("qqp", [0] * 4, [0] * 4) == {"f1": 0.0}


def test_arrays_are_scored_as_lists_are() -> None:
    labels, predictions = np.array([0, 1, 2]), np.array([0, 1, 1])
    assert metric("mnli", predictions, labels) == {"accuracy": pytest.approx(2 / 3)}


def test_baselines_read_no_text() -> None:
    labels = [1] * 68 + [0] * 32
    assert baselines("mrpc", labels) == {
        "majority": {"f1": pytest.approx(2 * 0.68 / 1.68)},
        "all positive": {"f1": pytest.approx(2 * 0.68 / 1.68)},
    }
    flipped = [1 - label for label in labels]
    assert baselines("qqp", flipped) == {
        "majority": {"f1": 0.0},
        "all positive": {"f1": pytest.approx(2 * 0.32 / 1.32)},
    }
    assert baselines("cola", labels) == {"majority": {"matthews": 0.0}}
    assert baselines("mnli", [2, 2, 1, 0]) == {"majority": {"accuracy": 0.5}}
    assert baselines("stsb", [0.0, 2.5, 5.0]) == {"constant": {"spearman": 0.0}}


def test_the_majority_does_not_depend_on_the_order_of_the_rows() -> None:
    labels = [0, 1, 2] * 20
    random.Random(0).shuffle(labels)
    assert baselines("mnli", labels) == {"majority": {"accuracy": pytest.approx(1 / 3)}}
    assert baselines("mrpc", [1, 0, 1, 0])["majority"] == baselines("mrpc", [0, 1, 0, 1])["majority"] == {"f1": 0.0}


@pytest.mark.parametrize(
    ("name", "predictions", "labels", "message"),
    [
        ("cola", [], [], "0 predictions for 0 labels; give one a row, at least one"),
        ("cola", [0, 1], [0], "2 predictions for 1 labels"),
        ("rte", [0, 2], [0, 1], "the prediction of row 1 must be one of 0, 1 or entailment, not_entailment, and is 2"),
        ("rte", [0, 1], [0, -1], "the label of row 1 must be one of 0, 1 .* and is -1"),
        ("mnli", [0, 0.5], [0, 1], "the prediction of row 1 must be one of 0, 1, 2 .* and is 0.5"),
        ("stsb", [0.5, math.nan], [0.0, 5.0], "the prediction of row 1 must be a finite number, and is nan"),
        ("stsb", [0.5, 1.0], [0.0, 5.5], "the label of row 1 must be a number from 0 to 5, and is 5.5"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    name: str, predictions: list[float], labels: list[float], message: str
) -> None:
    with pytest.raises(BadPredictions, match=message):
        metric(name, predictions, labels)


def test_an_unknown_task_names_those_that_there_are() -> None:
    with pytest.raises(UnknownTask, match="no task is called 'wnli'; there are cola, sst2, mrpc"):
        metric("wnli", [0], [0])
