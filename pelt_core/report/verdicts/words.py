"""What the verdicts say together, and what they cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from IPython.display import Markdown

from pelt_core.report.names import method_name, task_name
from pelt_core.report.verdicts.figures import COUNTS, drawn
from pelt_core.report.verdicts.tables import OTHER_PAGES, PAPERS, effect
from pelt_core.report.words import counted, listed
from pelt_core.study.claims.costs import CUT_OFF
from pelt_core.study.claims.evidence import Evidence
from pelt_core.study.claims.finding import ALPHA, DECIDED, VERDICTS
from pelt_core.study.claims.judge import COST, QUALITY, Judged
from pelt_core.study.claims.lines import provisional
from pelt_core.study.grids import STUDIES
from pelt_core.study.statistics import LEAST_SEEDS

FURTHER = {
    "unipelt": "UniPELT trained BERT-base, which is pretrained to fill in words; ours is smaller and pretrained to "
    "compare sentences. The gates here leave padding out of their mean, and the head is always trained.",
    "llm-adapters": "LLM-Adapters trained a model some fifty times as large, with larger modules, on far more rows. "
    "Of places, both together have about twice the parameters of one, and so may do better for that reason alone.",
}
"""Why a claim of a paper on trained runs may hold there and not here."""


@dataclass(frozen=True)
class Rows:
    """The recorded runs of several studies together, as `pelt_core.report.words.provenance` takes them."""

    runs: tuple[Any, ...]
    rows: dict[str, dict[str, Any]]


def recorded(judged: Sequence[Judged], evidence: Evidence) -> Rows:
    """The runs of all studies that test one of the claims."""
    studies = [name for name in dict.fromkeys(one.claim.study for one in judged) if name in STUDIES]
    runs = list(dict.fromkeys(run for name in studies for run in evidence.runs(name)))
    return Rows(tuple(runs), evidence.ledger.recorded(runs))


def state(judged: Sequence[Judged], rows: Rows, evidence: Evidence) -> Markdown:
    """How much is recorded, and which tasks can test a claim."""
    said = [f"{len(rows.rows):,} of {len(rows.runs):,} runs of the studies that test these claims are recorded."]
    known = evidence.signal
    able, blind = ([task_name(name) for name in known if known[name] is verdict] for verdict in (True, False))
    if able:
        said.append(f"Full fine-tuning leaves the trivial baseline on {listed(able)}: these tasks can test a claim.")
    if blind:
        said.append(
            f"It does not on **{listed(blind)}**: there all methods sit at a guess, so these tasks are left out. Where "
            "the verdict with these tasks is another one, it stands beside."
        )
    said += _at_a_guess(judged, evidence, blind)
    open_tasks = {run.task for run in rows.runs if hasattr(run, "task")} - set(known)
    if open_tasks:
        names = listed(sorted(map(task_name, open_tasks)))
        said.append(f"Of {names} this is not known yet; they count as far as they are recorded.")
    said.append(provisional(judged))
    return Markdown(" ".join(filter(None, said)))


def _at_a_guess(judged: Sequence[Judged], evidence: Evidence, blind: Sequence[str]) -> Iterator[str]:
    """The further tasks that claims leave out with some number of examples."""
    found: dict[int, list[str]] = {}
    sizes = [(one.claim.study, one.claim.test["examples"]) for one in judged if "examples" in one.claim.test]
    for study, examples in dict.fromkeys(sizes):
        own = found.setdefault(examples, [])
        for name, apart in evidence.told_apart(study, examples).items():
            if not apart and task_name(name) not in [*own, *blind]:
                own.append(task_name(name))
    if named := [f"on {listed(names)} with {examples:,} examples" for examples, names in found.items() if names]:
        yield f"No recorded method leaves it {listed(named)}: claims at that number leave these tasks out too."


def left_out(judged: Sequence[Judged]) -> Markdown:
    """How many claims the figure of published effects shows, and why not the others."""
    absent = [one for one in judged if one not in drawn(judged)]
    exact = sum(one.claim.test["kind"] in COUNTS for one in absent)
    return Markdown(
        f"The figure shows {counted(len(judged) - len(absent), 'claim')} of {len(judged)}. Left out are "
        f"{len(absent) - exact} for which the paper prints no number of the effect, and {exact} on exact counts, where "
        "the effect is agreement."
    )


def reading(judged: Sequence[Judged]) -> Markdown:
    """The verdicts of each paper in sentences, and where its own numbers are not on the claimed side."""
    return Markdown("\n\n".join(_paper(name, [o for o in judged if o.claim.paper == name]) for name in PAPERS))


def _paper(paper: str, judged: Sequence[Judged]) -> str:
    said = [f"**{PAPERS[paper]}.** Of its {counted(len(judged), 'claim')} here, {_counts(judged)}."]
    said[0] += decided(judged) + of_published_size(judged)
    for verdict in DECIDED:
        if own := [_claim(one) for one in judged if one.verdict == verdict]:
            said.append(f"{verdict.capitalize()}:\n\n" + "\n".join(f"- {line}" for line in own) + "\n\n")
    contradicted = [one for one in judged if one.verdict == "contradicted"]
    said += filter(None, map(_miscounted, contradicted))
    if any(one.claim.study not in OTHER_PAGES for one in contradicted):
        said.append(f"Why a claim on trained runs may hold in the paper and not here: {FURTHER[paper]}")
    if against := [_written(one, one.published) for one in judged if _off(one, one.published)]:
        said.append(
            "As they are tested here, the paper's own numbers lie outside of the claimed bounds, intervals aside, for "
            f"{listed(against)}."
        )
    here = [one for one in judged if _off(one, one.published_here) and not _off(one, one.published)]
    if here:
        said.append(
            "Within them over all of the paper's tasks, but outside over the tasks of ours alone, they lie for "
            f"{listed(_written(one, one.published_here) for one in here)}."
        )
    return " ".join(said)


def _counts(judged: Sequence[Judged]) -> str:
    tested = [one for one in judged if one.claim.study]
    numbers: dict[str, int] = {said: sum(one.verdict == said for one in tested) for said in VERDICTS}
    numbers["tested by no study yet"] = len(judged) - len(tested)
    return listed(f"{number} {'is' if number == 1 else 'are'} {said}" for said, number in numbers.items() if number)


def decided(judged: Sequence[Judged]) -> str:
    """How many claims of either kind are decided, in a sentence with a blank before it; empty where none is."""
    own = [one for one in judged if one.decided]
    quality, cost = (f"{_about(own, about)} of {_about(judged, about)}" for about in (QUALITY, COST))
    return f" Supported or contradicted are {quality} on {QUALITY}, and {cost} on {COST}." if own else ""


def of_published_size(judged: Sequence[Judged]) -> str:
    """For how many claims our interval leaves the published effect out, with a blank before it; empty where unknown."""
    known = [one for one in judged if one.of_published_size is not None]
    outside = sum(one.of_published_size is False for one in known)
    if not known:
        return ""
    return (
        f" Of {counted(len(known), 'claim')} whose effect the paper prints over our tasks and we know over several "
        f"seeds, our interval leaves the printed effect out for {outside}."
    )


def _about(judged: Sequence[Judged], about: str) -> int:
    return sum(one.about == about for one in judged)


def _claim(one: Judged) -> str:
    shown, unit = one.shown, one.finding.unit
    if shown is None or shown.low == shown.high:
        cut = [f"{method_name(test.name)} ({test.detail})" for test in one.finding.tests if CUT_OFF in test.detail]
        return " ".join([one.claim.says, *[f"Not equal once rounded, but as printed: {listed(cut)}."] * bool(cut)])
    low, high = effect(shown.low, unit), effect(shown.high, unit)
    against = "; ".join(one.finding.reasons)
    return (
        f"{one.claim.says} {one.claim.tested} Ours: {effect(shown.effect, unit)} [{low}, {high}] {unit}"
        f"{f' ({against})' if against else ''}."
    )


def _miscounted(one: Judged) -> str:
    """Of an exact count, the methods whose number is not the printed one; empty for other claims."""
    off = [f"{method_name(test.name)}, {test.detail}" for test in one.finding.tests if test.detail and test.gain < 0]
    return f"`{one.claim.id}` is a count, which no scale or training changes; it differs for {'; '.join(off)}." * bool(
        off
    )


def _off(one: Judged, published: float) -> bool:
    """Whether a published effect is not within the claimed bounds."""
    test = one.claim.test
    return isfinite(published) and not test.get("above", -float("inf")) <= published <= test.get("below", float("inf"))


def _written(one: Judged, published: float) -> str:
    return f"`{one.claim.id}` ({effect(published, one.finding.unit)})"


def limits(judged: Sequence[Judged]) -> Markdown:
    """What a verdict here cannot say."""
    known = [one.shown.detectable for one in judged if one.finding.unit == "points" and one.shown]
    detectable = sorted(value for value in known if isfinite(value))
    points = [
        "**Scale.** A verdict is about the claim on our backbones, data and budgets, see the set-up of each study. "
        "What was measured at the published size stands.",
        "**Undecided** is no finding of no effect: the interval and the smallest detectable effect say how large one "
        "could be that was not seen.",
        f"**Chance.** Each family of claims is corrected by Holm's method at {100 * ALPHA:.0f} %. Families are not "
        "corrected for each other.",
        "**The published size.** A printed effect is taken for exact, as the papers have no records to tell its "
        "uncertainty by; our interval is of 95 % and not corrected for the number of claims.",
        f"**Seeds.** With fewer than {LEAST_SEEDS} seeds there is no verdict, however large the effect.",
        "**Upper bound.** Taking the best module by its test scores favours the bound, as the highest of several "
        "uncertain numbers is too high; the claims of `chosen-module` take it by development rows, for each task and "
        "shuffle, as one can do in practice.",
    ]
    if detectable:
        points.append(
            f"**Resolution.** In half of the comparisons of scores, a true effect below "
            f"{detectable[len(detectable) // 2]:.1f} points would be missed more often than one time in five, even if "
            "it were the only one tested; after the correction, larger ones are missed too."
        )
    return Markdown("\n".join(f"- {point}" for point in points))


def facts(judged: Sequence[Judged]) -> dict[str, str]:
    """What other pages quote: the number of claims with each verdict, and each claim's verdict."""
    numbers = {said: sum(one.verdict == said for one in judged) for said in VERDICTS}
    named = {"claims_" + said.split()[0]: f"{number}" for said, number in numbers.items()}
    return named | {
        "claims_all": f"{len(judged)}",
        "claims_counts": _counts(judged),
        "claims_decided": decided(judged),
        "claims_sizes": of_published_size(judged),
        "claims_quality": f"{_about(judged, QUALITY)}",
        "claims_cost": f"{_about(judged, COST)}",
        "claims_quality_decided": f"{_about([one for one in judged if one.decided], QUALITY)}",
        "claims_cost_decided": f"{_about([one for one in judged if one.decided], COST)}",
        **{"claim_" + one.claim.id.replace("-", "_"): one.verdict for one in judged},
    }
