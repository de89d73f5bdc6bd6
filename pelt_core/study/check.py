"""What would stop a run, found before the first one starts."""

from __future__ import annotations

from collections.abc import Iterable

from pelt_core.counting import count_named
from pelt_core.study import answering, classifying
from pelt_core.study.run import AnswerRun, ClassificationRun, Run


def check(runs: Iterable[Run]) -> None:
    """Read the data and grow each method on its backbone without weights, once for all runs that share them.

    Raises:
        PeltError: a backbone, method, position, layer, prompt, pooling or data set does not exist, does not fit, or is
            not what it is pinned to be, a prompt asks rows for choices that they do not have, no row is as short as the
            runs say, or answers of a set cannot be read out of a text.
    """
    runs = list(runs)
    for backbone, method, task in dict.fromkeys((run.backbone, run.method, run.made_for) for run in runs):
        count_named(backbone, method, task=task)
    answering.check([run for run in runs if isinstance(run, AnswerRun)])
    classifying.check([run for run in runs if isinstance(run, ClassificationRun)])
