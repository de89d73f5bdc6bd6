"""How many parameters a run has and trains, counted without weights."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from pelt_core.backbones import meta_classifier
from pelt_core.counting import Count, count, count_named
from pelt_core.data.glue.tasks import task
from pelt_core.folding import folded
from pelt_core.specification import parse
from pelt_core.study.run import ClassificationRun, Run


def size(run: Run) -> Count:
    """The exact numbers of a run's method on its backbone, of a classifier under its own head.

    Raises:
        PeltError: as `pelt_core.counting.count_named` and `pelt_core.backbones.meta_classifier`.
    """
    if isinstance(run, ClassificationRun):
        return _of_classifier(run.backbone, run.method, run.pooling, max(1, len(task(run.task).labels)))
    return count_named(run.backbone, run.method, task=run.made_for)


def trainable(run: Run) -> int:
    """What the run trains: the method's own parameters, and the head unless it stays as it was drawn."""
    counted = size(run)
    return counted.own if isinstance(run, ClassificationRun) and not run.train_head else counted.trainable


def kept(run: Run) -> int:
    """What the method keeps of its own parameters once it is folded, as papers count: no MLP that writes a prefix."""
    return size(replace(run, method=str(folded(parse(run.method))))).own


@cache
def _of_classifier(backbone: str, method: str, pooling: str, labels: int) -> Count:
    return count(meta_classifier(backbone, pooling, labels), method)
