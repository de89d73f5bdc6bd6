"""What came of the builds, in sentences computed from their records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from IPython.display import Markdown

from pelt_core.data import answer_kind
from pelt_core.data.arithmetic import LETTERS
from pelt_core.report.commits import commit
from pelt_core.report.construction.builds import ANNOTATED, CLEAN, SETS, Builds, build_name, source_name
from pelt_core.report.words import counted, listed, marked


def reading(builds: Builds) -> Markdown:
    """What follows from yields and variants, a paragraph each."""
    return Markdown("\n\n".join(_reading(builds)))


def _reading(builds: Builds) -> Iterator[str]:
    whole, clean = builds.math[ANNOTATED], builds.math[CLEAN]
    parts = listed(f"{one['in_set']:,} of *{source_name(one['source'])}*" for one in whole["sources"])
    yield f"**Math10K has {whole['rows']:,} rows** with the rationales that its sources carry: {parts}."
    lost = {
        one["source"]: one["in_set"] - other["in_set"]
        for one, other in zip(whole["sources"], clean["sources"], strict=True)
    }
    taken = listed(f"{count:,} fewer of *{source_name(source)}*" for source, count in lost.items() if count > 0)
    gained = listed(f"{-count:,} more of *{source_name(source)}*" for source, count in lost.items() if count < 0)
    from_where = f"{taken}{f', but {gained}' * bool(gained)}"
    yield (
        f"**Cleaning takes {whole['rows'] - clean['rows']:,} rows**: {from_where}. The median question of MAWPS has "
        f"{_median(whole, 'mawps/train')} words in Math10K and {_median(clean, 'mawps/train')} in what is left: "
        "cleaning changes the kind of problem as well as the leak."
    )
    for key, report in builds.math.items():
        if key.partition("/")[2] != "annotated":
            yield _taught(build_name(key, report), report)
    published, distinct = (builds.commonsense[variant]["total"] for variant in ("published", "distinct"))
    missing = [one for one in builds.commonsense["published"]["sets"] if one["missing"]]
    absent = listed(f"{one['missing']:,} of {SETS[one['set']]}" for one in missing) or "none"
    yield (
        f"**Of Commonsense170K's {published['published']:,} rows, {published['rows']:,} are rebuilt** in the published "
        f"order; not to be had: {absent}."
    )
    wino = builds.rows("distinct")["winogrande"]
    yield (
        f"**{distinct['left_out']:,} rows repeat an earlier one**, {wino['left_out']:,} of them in WinoGrande. "
        f"The distinct variant has {distinct['rows']:,} rows, and the balanced one, in which no answer of a set is the "
        f"commonest, {builds.commonsense['balanced']['total']['rows']:,}."
    )


def _taught(name: str, report: dict[str, Any]) -> str:
    asked, kept = (sum(one[what] for one in report["sources"]) for what in ("asked", "kept"))
    yields = listed(
        f"{100 * one['yield']:.0f} % of *{source_name(one['source'])}*" for one in report["sources"] if one["asked"]
    )
    attempts = report["teacher"]["attempts"]
    within = f"within {counted(attempts, 'attempt')}"
    guessed = 100 * (1 - (1 - 1 / len(LETTERS)) ** attempts)
    lettered, numbered = (marked(_asked(report, kind)) for kind in ("letter", "number"))
    guesses = (
        f" In {lettered} a guess of one of {len(LETTERS)} letters is right {within} in {guessed:.0f} % of questions."
    )
    easier = f" From {numbered} the questions that the teacher cannot solve are missing, which leaves the easier ones."
    return (
        f"**{name}** was asked {asked:,} questions and answered {kept:,} of them right {within}: {yields}."
        f"{guesses * bool(lettered)}{easier * bool(numbered)}"
    )


def _asked(report: dict[str, Any], kind: str) -> Iterator[str]:
    """The sources that were asked for answers of a kind."""
    for one in report["sources"]:
        if one["asked"] and answer_kind(one["source"].partition("/")[0]) == kind:
            yield source_name(one["source"])


def provenance(builds: Builds) -> Markdown:
    """The code of each build."""
    codes = [(f"`{key}`", report["provenance"]) for key, report in builds.math.items()]
    codes += [(f"`commonsense170k`, {variant}", report["code"]) for variant, report in builds.commonsense.items()]
    return Markdown("\n".join(f"- {name}: {commit(code)}" for name, code in codes))


def _median(report: dict[str, Any], source: str) -> int:
    """Words of a question that is kept."""
    return next(int(one["question_words"]["p50"]) for one in report["sources"] if one["source"] == source)
