"""The eight tasks of GLUE (Wang et al. 2019) that UniPELT (Mao et al. 2022) studies: fields, labels, metric.

With them a ninth, of the embedded set "paraphrase", for runs without any data at hand.
"""

import math
from dataclasses import dataclass
from typing import Any

from pelt_core.errors import PeltError

HIGHEST_SCORE = 5.0  # of STS-B


class UnknownTask(PeltError, LookupError):
    """A task that does not exist; the message lists those that do."""


@dataclass(frozen=True)
class Task:
    """One task.

    Attributes:
        name: as on the hub.
        metric: "accuracy", "f1" (of class 1), "matthews" or "spearman".
        labels: names of the classes 0, 1, ...; none where the label is a score from 0 to 5.
        fields: the names that text, second text ("" if there is none) and label have, one triple for each form in which
            the task is published; none for the embedded task.
        train_part: the split with the part of the training rows that a mirror may have in place of all; "" for none.
        test_part: the same of the public development rows, which are the split "test".
    """

    name: str
    metric: str
    labels: tuple[str, ...]
    fields: tuple[tuple[str, str, str], ...]
    train_part: str = ""
    test_part: str = ""

    @property
    def dataset(self) -> str:
        """The name of its data set."""
        return f"glue-{self.name}" if self.fields else self.name


_INFERENCE = ("entailment", "not_entailment")
_SENTENCES = ("sentence1", "sentence2", "label")
_UNNAMED = ("text_a", "text_b", "label")

# The parts are those whose classes are as frequent as in the whole: QQP's and the balanced ones of QNLI and MNLI.
TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task("cola", "matthews", ("unacceptable", "acceptable"), (("sentence", "", "label"),)),
        Task("sst2", "accuracy", ("negative", "positive"), (("sentence", "", "label"),)),
        Task("mrpc", "f1", ("different", "paraphrase"), (_SENTENCES, ("#1 String", "#2 String", "Quality"))),
        Task("stsb", "spearman", (), (_SENTENCES, ("sentence1", "sentence2", "score"))),
        Task(
            "qqp",
            "f1",
            ("different", "duplicate"),
            (("question1", "question2", "label"), ("question1", "question2", "is_duplicate"), _UNNAMED),
            "train_subset23497",
            "test_sample1000",
        ),
        Task(
            "mnli",
            "accuracy",
            ("entailment", "neutral", "contradiction"),
            (
                ("premise", "hypothesis", "label"),
                ("premise", "hypothesis", "gold_label"),
                ("sentence1", "sentence2", "gold_label"),
                _UNNAMED,
            ),
            "train_balanced15130",
        ),
        Task(
            "qnli",
            "accuracy",
            _INFERENCE,
            (("question", "sentence", "label"), _UNNAMED),
            "train_balanced9833",
        ),
        Task("rte", "accuracy", _INFERENCE, (_SENTENCES,)),
        Task("paraphrase", "accuracy", ("different", "same"), ()),
    )
}


def task(name: str) -> Task:
    """The task of that name.

    Raises:
        UnknownTask: there is none.
    """
    if name not in TASKS:
        raise UnknownTask(f"no task is called {name!r}; there are {', '.join(TASKS)}")
    return TASKS[name]


def check_label(task: Task, value: Any) -> int | float:
    """A published label, a class's number or name, or a score, possibly as text, as a number.

    Scores, means of several ratings, are rounded to three decimals: the hub has them as float32, where 3.8 is
    3.7999999523, and a few files have 14 decimals.

    Raises:
        ValueError: it is no label of the task; the message says what is.
    """
    if not task.labels:
        try:
            score = float(value)
        except (TypeError, ValueError):
            score = math.nan
        if not 0 <= score <= HIGHEST_SCORE:
            raise ValueError(f"must be a number from 0 to 5, and is {value!r}")
        return round(score, 3)
    if value in task.labels:
        return task.labels.index(value)
    known = {str(index): index for index in range(len(task.labels))}
    if str(value) not in known:
        raise ValueError(f"must be one of {', '.join(known)} or {', '.join(task.labels)}, and is {value!r}")
    return known[str(value)]
