"""The verdict on every claim: each kind of comparison made on the rows, Holm's correction over each family."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pelt_core.study import statistics
from pelt_core.study.claims import answers, contrasts, costs, places, ranks, spread
from pelt_core.study.claims.claim import Claim, claims
from pelt_core.study.claims.evidence import Evidence
from pelt_core.study.claims.finding import DECIDED, Finding, Test, Verdict, telling, verdict
from pelt_core.study.claims.published import Published
from pelt_core.study.statistics import LEAST_SEEDS

QUALITY, COST = "scores or losses", "parameters or time"
"""What a claim is about: a verdict on the one rests on trained models, one on the other does not."""


@dataclass(frozen=True)
class Kind:
    """One kind of comparison: how it is made on our rows, its effect in the paper's numbers, and what it is about."""

    find: Callable[[str, Mapping[str, Any], Evidence], Finding]
    published: Callable[[Mapping[str, Any], Published], float]
    about: str = QUALITY


KINDS = {
    "contrast": Kind(contrasts.contrast, contrasts.published_contrast),
    "best-of": Kind(contrasts.best_of, contrasts.published_best_of),
    "apart": Kind(contrasts.apart, lambda test, published: np.nan),
    "answers": Kind(answers.contrast, contrasts.published_contrast),
    "answers-best-of": Kind(answers.best_of, contrasts.published_best_of),
    "spread": Kind(spread.spread, spread.published_spread),
    "ranks": Kind(ranks.ranks, ranks.published_ranks),
    "counts": Kind(costs.counts, costs.published_counts, COST),
    "agreement": Kind(ranks.agreement, lambda test, published: 1.0),
    "percents": Kind(costs.percents, costs.published_counts, COST),
    "times": Kind(costs.times, costs.published_times, COST),
    "place": Kind(places.place, places.published_effect),
}
NO_STUDY = "no study tests it yet"


@dataclass(frozen=True)
class Judged:
    """A claim and what became of it.

    Attributes:
        claim: which one.
        finding: on tasks with a signal.
        verdict: of the finding.
        p_holm: the corrected p-value of each of its tests.
        everywhere: the verdict over all tasks, those that cannot test a claim included.
        published: the same effect in the paper's own numbers, over all of its tasks; NaN where it prints none.
        published_here: the published effect over the tasks of ours, see `published_over`.
        provisional: whether it has p-values that Holm's correction may yet raise, as comparisons of its family are
            not run yet.
    """

    claim: Claim
    finding: Finding
    verdict: Verdict
    p_holm: tuple[float, ...]
    everywhere: Verdict
    published: float
    published_here: float
    provisional: bool

    @property
    def about(self) -> str:
        """`QUALITY` or `COST`."""
        return KINDS[self.claim.test["kind"]].about

    @property
    def decided(self) -> bool:
        """Whether the claim is supported or contradicted."""
        return self.verdict in DECIDED

    @property
    def shown(self) -> Test | None:
        """The test to show for all."""
        return telling(self.finding)

    @property
    def of_published_size(self) -> bool | None:
        """Whether our interval holds the effect that the paper prints over our tasks, taken for exact.

        None where it prints none, or where one seed leaves us without an interval over seeds. This is no verdict: an
        effect may have the claimed sign and be far smaller than the published one, or not be told from none at all.
        """
        test = self.shown
        if test is None or self.finding.seeds < LEAST_SEEDS or not np.isfinite(self.published_here):
            return None
        return test.low <= self.published_here <= test.high

    @property
    def p(self) -> float:
        """The corrected p-value of the test that is shown."""
        return dict(zip(self.finding.tests, self.p_holm, strict=True))[self.shown] if self.shown else np.nan


def judge(wanted: Sequence[Claim], evidence: Evidence, done: Callable[[str], None] = lambda name: None) -> list[Judged]:
    """The verdicts on some claims; Holm's correction always takes their whole families.

    Args:
        wanted: which claims.
        evidence: the rows, without tasks that cannot test a claim.
        done: called with the id of a claim when its rows have been read.
    """
    printed = {claim.id: published(claim, evidence) for claim in wanted}
    involved = with_families(wanted)
    everywhere = evidence.of_every_task()
    found: dict[str, Finding] = {}
    over_all: dict[str, Finding] = {}
    for claim in involved:
        own = found[claim.id] = _found(claim, evidence)
        over_all[claim.id] = _found(claim, everywhere) if own.silent else own
        done(claim.id)
    unfinished = {claim.family for claim in involved if claim.study and _unfinished(claim, found[claim.id], evidence)}
    p_holm, p_over_all = _holm(involved, found), _holm(involved, over_all)
    return [
        Judged(
            claim=claim,
            finding=found[claim.id],
            verdict=verdict(found[claim.id], p_holm[claim.id]),
            p_holm=p_holm[claim.id],
            everywhere=verdict(over_all[claim.id], p_over_all[claim.id]),
            published=printed[claim.id],
            published_here=published_over(claim, found[claim.id].tasks, evidence),
            provisional=claim.family in unfinished and bool(np.isfinite(p_holm[claim.id]).any()),
        )
        for claim in wanted
    ]


def with_families(wanted: Sequence[Claim]) -> list[Claim]:
    """All claims whose tests are corrected together with those of the wanted ones."""
    families = {claim.family for claim in wanted}
    return [claim for claim in claims() if claim.family in families]


def published(claim: Claim, evidence: Evidence) -> float:
    """A claim's effect in the paper's own numbers, NaN where it prints none."""
    if not claim.published:
        return float(np.nan)
    return KINDS[claim.test["kind"]].published(claim.test, Published(evidence.papers, claim.published))


def published_over(claim: Claim, tasks: Sequence[str], evidence: Evidence) -> float:
    """A claim's published effect over these tasks alone; NaN without tasks, or where one of them is not printed."""
    if not (claim.published and tasks and set(tasks) <= set(Published(evidence.papers, claim.published).tasks())):
        return float(np.nan)
    return published(replace(claim, test={**claim.test, "tasks": tasks}), evidence)


def _found(claim: Claim, evidence: Evidence) -> Finding:
    if not claim.study:
        return Finding(unit="points", missing=(NO_STUDY,), reasons=(NO_STUDY,))
    return KINDS[claim.test["kind"]].find(claim.study, claim.test, evidence)


def _unfinished(claim: Claim, finding: Finding, evidence: Evidence) -> bool:
    """Whether tests are open: rows are missing, or there is one seed of several that the study trains."""
    if 0 < finding.seeds < LEAST_SEEDS:
        return bool(finding.missing) or len({run.seed for run in evidence.runs(claim.study)}) > finding.seeds
    return bool(finding.missing)


def _holm(involved: Iterable[Claim], found: Mapping[str, Finding]) -> dict[str, tuple[float, ...]]:
    """The corrected p-values of every claim's tests."""
    families: dict[str, list[str]] = {}
    for claim in involved:
        families.setdefault(claim.family, []).append(claim.id)
    corrected: dict[str, tuple[float, ...]] = {}
    for ids in families.values():
        p_values = statistics.holm([test.p for name in ids for test in found[name].tests])
        ends = np.cumsum([len(found[name].tests) for name in ids])
        corrected |= {name: tuple(map(float, p)) for name, p in zip(ids, np.split(p_values, ends)[:-1], strict=True)}
    return corrected
