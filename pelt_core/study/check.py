"""What would stop a run, found before the first one starts."""

from __future__ import annotations

from collections.abc import Iterable

from pelt_core import data
from pelt_core.counting import count_named
from pelt_core.data.extraction import rules
from pelt_core.data.prompts import exchange, render
from pelt_core.study.run import Run


def check(runs: Iterable[Run]) -> None:
    """Read the data and grow each method on its backbone without weights, once for all runs that share them.

    Raises:
        PeltError: a backbone, method, position, layer, prompt or data set does not exist, does not fit, or is not what
            it is pinned to be, a prompt asks rows for choices that they do not have, or answers of a set cannot be read
            out of a text.
    """
    runs = list(runs)
    for backbone, method in dict.fromkeys((run.backbone, run.method) for run in runs):
        count_named(backbone, method, task="causal-lm")
    for prompt in dict.fromkeys(run.prompt for run in runs):
        render(prompt, "")
    for name, questions in dict.fromkeys((name, run.questions) for run in runs for name in run.evaluate):
        first = data.evaluation_rows(name, questions)[0]
        rules(data.answer_kind(name), first.get("answer", ""))
    for prompt, name, questions in dict.fromkeys((r.prompt, name, r.questions) for r in runs for name in r.loss_sets):
        for row in data.evaluation_rows(name, questions):
            exchange(prompt, row)
    for prompt, mix in dict.fromkeys((run.prompt, run.train) for run in runs if run.train):
        for row in data.training_rows(mix, seed=0):
            exchange(prompt, row)
