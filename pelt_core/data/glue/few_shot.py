"""GLUE with few examples, sampled as in UniPELT (Mao et al. 2022, section 3.1).

K rows of the training set to learn from, 1,000 others of it to choose the best epoch by, and the public development set
to test on; five shuffles give mean and standard deviation.
"""

import hashlib
import logging
import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pelt_core.data.glue.tasks import Task, task
from pelt_core.data.rows import load
from pelt_core.data.sources import DataNotFound
from pelt_core.errors import PeltError

if TYPE_CHECKING:
    from datasets import Dataset

log = logging.getLogger(__name__)


class BadSample(PeltError, ValueError):
    """A sample that cannot be drawn; the message says how much there is."""


@dataclass(frozen=True)
class FewShot:
    """One sample of a task; no text, or pair of texts, is in two of train, dev and test.

    Attributes:
        train: K rows; columns str `id`, `text`, `text_pair` ("" in tasks of one sentence), int or float `label`.
        dev: the rows to choose the best epoch by, with the same columns; the same for every K of a shuffle.
        test: the public development rows, all of them, in their own order.
        source: where train and dev ("train") and test ("test") are from, each as data set and split. It says which
            rows were there to draw from: not all of QQP, MNLI and QNLI need be at hand.
        left_out: how many training rows could not be drawn: "repeated", as an earlier row has the same texts, and
            "in test", as a test row has them.
    """

    train: "Dataset"
    dev: "Dataset"
    test: "Dataset"
    source: dict[str, str]
    left_out: dict[str, int]

    @property
    def digest(self) -> str:
        """sha256 over the ids of train, dev and test, a line each: it names the sample, given its source."""
        ids = [*self.train["id"][:], *self.dev["id"][:], *self.test["id"][:]]
        return hashlib.sha256("".join(f"{name}\n" for name in ids).encode()).hexdigest()


def few_shot(name: str, k: int, shuffle: int, dev_size: int = 1000) -> FewShot:
    """Sample a task: the same rows on every machine with the same data, in whatever order they are stored.

    Rows are ordered by the sha256 of shuffle and texts. The first `dev_size` are dev, the next `k` train, so that a
    smaller K is the beginning of a larger one. Of rows with the same texts only the first can be drawn, and none that
    the test set has; CoLA and STS-B have both kinds. Where neither mirror nor hub has a whole split, the part of it
    that the mirror has is used, with a warning; `source` tells.

    Args:
        name: of the task: cola, sst2, mrpc, stsb, qqp, mnli (its matched development set), qnli, rte; or
            paraphrase, the embedded set.
        k: rows to train on; 100, 500 and 1,000 in the paper.
        shuffle: which sample; 0 to 4 stand for the paper's five.
        dev_size: rows to choose the best epoch by.

    Raises:
        UnknownTask: there is no such task.
        BadSample: `k` or `dev_size` is below 1, or together they are more than there are.
        DataNotFound: neither mirror nor hub has the data, not even in part; and all else that `load` raises.
    """
    of = task(name)
    return draw(
        name,
        k,
        shuffle,
        dev_size,
        _at_hand(of.dataset, "train", of.train_part),
        _at_hand(of.dataset, "test", of.test_part),
    )


def draw(name: str, k: int | None, shuffle: int, dev_size: int, train_from: str, test_from: str) -> FewShot:
    """The same from the splits of these names, and from no other; with no `k`, train is all but dev.

    Raises:
        UnknownDataset: there is no such split; and all that `few_shot` raises.
    """
    of = task(name)
    if (k is not None and k < 1) or dev_size < 1:
        raise BadSample(f"k and dev_size must be at least 1, and are {k} and {dev_size}")
    rows, test = load(of.dataset, train_from), load(of.dataset, test_from)
    tested = set(_texts(test))
    first: dict[tuple[str, str], int] = {}
    left_out: Counter[str] = Counter({"repeated": 0, "in test": 0})
    for index, texts in enumerate(_texts(rows)):
        if texts in tested:
            left_out["in test"] += 1
        elif first.setdefault(texts, index) != index:
            left_out["repeated"] += 1
    k = len(first) - dev_size if k is None else k
    if k < 1 or k + dev_size > len(first):
        raise BadSample(
            f"{of.dataset}/{train_from} has {len(first)} different rows, and {k} to train on and {dev_size} for dev "
            f"are {k + dev_size}; ask for less of either"
        )
    order = [first[texts] for texts in sorted(first, key=lambda texts: _rank(of, shuffle, texts))]
    return FewShot(
        train=rows.select(order[dev_size : dev_size + k]),
        dev=rows.select(order[:dev_size]),
        test=test,
        source={"train": f"{of.dataset}/{train_from}", "test": f"{of.dataset}/{test_from}"},
        left_out=dict(left_out),
    )


def tested_rows(name: str, test: "Dataset", rows: int) -> "Dataset":
    """At most `rows` of a test set, in its order; the same ones whatever was trained on."""
    chosen = random.Random(f"test/{name}").sample(range(len(test)), min(rows, len(test)))
    return test.select(sorted(chosen))


def _at_hand(dataset: str, whole: str, part: str) -> str:
    """The whole split if it is at hand, else the part of it, if the task names one."""
    try:
        load(dataset, whole)
    except DataNotFound:
        if not part:
            raise
        log.warning("%s/%s is not at hand: %s is used instead", dataset, whole, part)
        return part
    return whole


def _texts(rows: "Dataset") -> list[tuple[str, str]]:
    return list(zip(rows["text"][:], rows["text_pair"][:], strict=True))  # [:], as a column is slow row by row


def _rank(of: Task, shuffle: int, texts: tuple[str, str]) -> bytes:
    return hashlib.sha256("\n".join((of.dataset, str(shuffle), *texts)).encode()).digest()
