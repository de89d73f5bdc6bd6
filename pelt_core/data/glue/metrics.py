"""The metrics of UniPELT's GLUE experiments (Mao et al. 2022, section 3.1), and what they give without a model."""

import math
from collections import Counter
from collections.abc import Callable, Sequence

from pelt_core.data.glue.tasks import Task, check_label, task
from pelt_core.errors import PeltError


class BadPredictions(PeltError, ValueError):
    """Predictions that cannot be scored; the message says which and what is right."""


def metric(name: str, predictions: Sequence[int | float], labels: Sequence[int | float]) -> dict[str, float]:
    """The task's metric, by its name, as a fraction (of at most 1) and not a percentage.

    Matthews' correlation for CoLA, F1 of class 1 for MRPC and QQP, Spearman's rank correlation for STS-B, and accuracy
    for the others. A correlation with predictions, or labels, that are all the same is not defined: it is given as 0.0,
    as if there were no relation. F1 is 0.0 where no row is positive, or none is predicted to be.

    Args:
        name: of the task, such as "cola".
        predictions: a class's number a row; any finite number for STS-B.
        labels: what is right, in the same order.

    Raises:
        UnknownTask: there is no such task.
        BadPredictions: there are none, not as many as labels, or one is no class or not finite.
    """
    of = task(name)
    _check(of, predictions, labels)
    return {of.metric: _METRICS[of.metric](predictions, labels)}


def baselines(name: str, labels: Sequence[int | float]) -> dict[str, dict[str, float]]:
    """What predictions that read no text reach on these labels: {"majority": {"f1": 0.0}, "all positive": ...}.

    "majority" predicts the most frequent class, the lower one of a tie; "all positive" (of F1 alone) class 1; and
    "constant" (of STS-B) one score for every row, with a correlation of 0.

    Raises:
        UnknownTask: there is no such task.
        BadPredictions: there are no labels, or one is not of this task.
    """
    of = task(name)
    _check(of, labels, labels)
    if not of.labels:
        return {"constant": metric(name, [0.0] * len(labels), labels)}
    counts = Counter(labels)
    guesses = {"majority": min(counts, key=lambda label: (-counts[label], label))}
    if of.metric == "f1":
        guesses["all positive"] = 1
    return {baseline: metric(name, [guess] * len(labels), labels) for baseline, guess in guesses.items()}


def _check(task: Task, predictions: Sequence[int | float], labels: Sequence[int | float]) -> None:
    if len(predictions) != len(labels) or not len(labels):
        raise BadPredictions(
            f"{task.dataset}: {len(predictions)} predictions for {len(labels)} labels; give one a row, at least one"
        )
    for what, values, check in (("label", labels, check_label), ("prediction", predictions, _check_prediction)):
        for position, value in enumerate(values):
            try:
                check(task, value)
            except ValueError as reason:
                raise BadPredictions(f"{task.dataset}: the {what} of row {position} {reason}") from None


def _check_prediction(task: Task, value: int | float) -> None:
    if task.labels:
        check_label(task, value)
    elif not math.isfinite(value):
        raise ValueError(f"must be a finite number, and is {value!r}")


def _accuracy(predictions: Sequence[int | float], labels: Sequence[int | float]) -> float:
    from sklearn.metrics import accuracy_score  # here and below, as its import takes a second

    return float(accuracy_score(labels, predictions))


def _f1(predictions: Sequence[int | float], labels: Sequence[int | float]) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(labels, predictions, zero_division=0.0))


def _matthews(predictions: Sequence[int | float], labels: Sequence[int | float]) -> float:
    from sklearn.metrics import matthews_corrcoef

    return 0.0 if _one_is_constant(predictions, labels) else float(matthews_corrcoef(labels, predictions))


def _spearman(predictions: Sequence[int | float], labels: Sequence[int | float]) -> float:
    from scipy.stats import spearmanr

    return 0.0 if _one_is_constant(predictions, labels) else float(spearmanr(predictions, labels).statistic)


def _one_is_constant(predictions: Sequence[int | float], labels: Sequence[int | float]) -> bool:
    return min(predictions) == max(predictions) or min(labels) == max(labels)


_METRICS: dict[str, Callable[[Sequence[int | float], Sequence[int | float]], float]] = {
    "accuracy": _accuracy,
    "f1": _f1,
    "matthews": _matthews,
    "spearman": _spearman,
}
