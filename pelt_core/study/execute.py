"""A run, carried out: the one path from a value to its row, whatever the preset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pelt_core.study import answering, classifying
from pelt_core.study.run import AnswerRun, ClassificationRun, Run


def execute(run: Run, workdir: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Trains and evaluates `run`.

    All data is read before the model is, so that a missing file stops a run at once. An interrupted training goes on
    from its last checkpoint in `workdir`; that of a classifier, which is short, begins anew.

    Returns:
        The row, without provenance, and the per-item records; a run whose loss ceases to be finite gives a row with
        the status "diverged", no metrics and no items.

    Raises:
        PeltError: for data or a backbone that is not there, or a run that makes no sense.
    """
    if isinstance(run, ClassificationRun):
        return classifying.execute(run, workdir)
    assert isinstance(run, AnswerRun)
    return answering.execute(run, workdir)
