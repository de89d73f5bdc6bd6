"""Claims on whether larger methods are better ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from pelt_core.study.claims import reasons
from pelt_core.study.claims.evidence import Evidence
from pelt_core.study.claims.finding import Finding, Test
from pelt_core.study.claims.published import Published
from pelt_core.study.rank_correlation import LEAST_PAIRS, spearman
from pelt_core.study.sizes import kept
from pelt_core.study.statistics import LEAST_SEEDS

LEAST_METHODS = 10
"""Of a test. Noise in the scores draws a rank correlation towards 0, and an order of six methods can hardly speak
against that: the verdict would be that of the noise."""
SIZES = "4-efficiency"
"""The published table of trainable parameters."""


def ranks(study: str, test: Mapping[str, Any], evidence: Evidence) -> Finding:
    """Spearman's rank correlation of parameters and mean score, one pair a method.

        rho = corr(rank(parameters_m), rank(mean over tasks and seeds of score_m))

    Parameters are counted as the paper does, see `pelt_core.study.sizes.kept`. The correlation is held against its
    bound on Fisher's scale, where its error is the same everywhere, see `pelt_core.study.rank_correlation`. The methods
    are few: below `LEAST_METHODS` there is no test.

    Args:
        study: whose rows.
        test: `methods`, `examples`, and `below`, the bound.
        evidence: the rows.
    """
    cells = {name: {"method": name, "examples": test["examples"]} for name in test["methods"]}
    aligned = evidence.aligned(study, cells, examples=test["examples"])
    found: list[Test] = []
    if aligned.tasks:
        scores = evidence.scores(study)
        runs = {scores.names[run.method]: run for run in scores.runs}
        sizes = [kept(runs[name]) for name in test["methods"]]
        means = {name: frame.groupby("task").mean().mean(axis=1).mean() for name, frame in aligned.frames.items()}
        if pd.Series(means).nunique() > 1 and len(means) >= LEAST_PAIRS:
            one = spearman(sizes, pd.Series(means)[test["methods"]], against=test["below"])
            name = f"parameters and score below {test['below']:g}"
            p = one.p_value if aligned.seeds >= LEAST_SEEDS and len(means) >= LEAST_METHODS else np.nan
            found.append(Test(name, one.value, one.low, one.high, test["below"] - one.value, p))
    return Finding(
        unit="rank correlation",
        tests=tuple(found),
        missing=aligned.unrecorded,
        seeds=aligned.seeds,
        items=aligned.items,
        tasks=aligned.tasks,
        silent=aligned.silent.tasks,
        reasons=(*reasons.of_tasks(aligned), *_too_few(len(cells))),
        testable=len(cells) >= LEAST_METHODS,
    )


def agreement(study: str, test: Mapping[str, Any], evidence: Evidence) -> Finding:
    """Spearman's rank correlation of our mean scores and the published ones of the same methods.

        rho = corr(rank(mean over sets and seeds of score_m), rank(published mean_m))

    Args:
        study: whose rows, a study of answers.
        test: `methods`, `measure`, a name of `pelt_core.study.answer_scores.MEASURES`, `tasks`, data sets, `above`, the
            bound, and `table` and `backbone`, which select the published numbers.
        evidence: the rows and the published numbers.
    """
    scores = evidence.answers(study, test["measure"])
    frames = {name: scores.values(test["tasks"], method=name) for name in test["methods"]}
    missing = tuple(name for name, frame in frames.items() if frame.empty)
    found: list[Test] = []
    if not missing:
        ours = [scores.how.sign * frame.groupby(level="task").mean().mean(axis=1).mean() for frame in frames.values()]
        published = Published(evidence.papers, {"table": test["table"], "backbone": test["backbone"]})
        theirs = [published.numbers(name, test["tasks"]).mean() for name in test["methods"]]
        if len(set(ours)) > 1:
            one = spearman(ours, theirs, against=test["above"])
            p = one.p_value if len(frames) >= LEAST_METHODS else np.nan
            found.append(Test("ours and published", one.value, one.low, one.high, one.value - test["above"], p))
    return Finding(
        unit="rank correlation",
        tests=tuple(found),
        missing=missing,
        seeds=min((frame.shape[1] for frame in frames.values()), default=0),
        items=min((len(frame) for frame in frames.values()), default=0),
        tasks=tuple(test["tasks"]) if found else (),
        reasons=tuple(_too_few(len(frames))),
        testable=len(frames) >= LEAST_METHODS,
    )


def _too_few(methods: int) -> Iterator[str]:
    if methods < LEAST_METHODS:
        yield f"{methods} methods are too few to test an order"


def published_ranks(test: Mapping[str, Any], published: Published) -> float:
    """The same of the published mean scores and numbers of parameters."""
    sizes = [published.elsewhere(SIZES).fact(name, "trainable_parameters") for name in test["methods"]]
    means = [published.numbers(name, test.get("tasks", ())).mean() for name in test["methods"]]
    return spearman(sizes, means).value
