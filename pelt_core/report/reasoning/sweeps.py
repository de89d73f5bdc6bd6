"""Studies that sweep one size of a module: bottleneck, rank, virtual tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pandas as pd
from IPython.display import Markdown

from pelt_core import specification
from pelt_core.report.names import METHOD_NAMES
from pelt_core.report.reasoning.cells import cells, difference
from pelt_core.report.reasoning.method_tables import Lines
from pelt_core.report.tables import interval
from pelt_core.report.tested import TESTED, with_holm
from pelt_core.report.words import counted, listed
from pelt_core.study.answer_scores import AnswerScores

SIZE = {"series": "bottleneck", "parallel": "bottleneck", "lora": "rank", "prefix": "tokens", "prompt": "tokens"}
"""Method -> the argument that is swept."""
PUBLISHED = {"bottleneck": 256, "rank": 32, "tokens": 10}
"""The sizes that LLM-Adapters found best (section 3.3 and figure 3) and went on with."""
UNSWEPT = "Untrained"
"""The heading of the base model."""


class Member(NamedTuple):
    """One cell of a sweep: the heading that it stands under, its method, its size, and its short name in the preset."""

    heading: str
    method: str
    size: int
    name: str


def by_method(arguments: Mapping[str, Any], method: str) -> list[str]:
    """The sweep that a module belongs to: that of its method."""
    return [METHOD_NAMES[method]]


def by_scale(arguments: Mapping[str, Any], method: str) -> list[str]:
    """The sweeps that a LoRA belongs to: with its scale as it is usual, twice the rank, or with the same alpha."""
    proportional = arguments["alpha"] == 2 * arguments["rank"]
    fixed = arguments["alpha"] == 64
    return ["alpha twice the rank"] * proportional + ["alpha 64 at every rank"] * fixed


Sweeps = Callable[[Mapping[str, Any], str], list[str]]


def members(scores: AnswerScores, sweeps: Sweeps = by_method) -> list[Member]:
    """The cells of the study's sweeps, the smallest of each sweep first."""
    found = []
    for spec, name in scores.names.items():
        (term,) = specification.parse(spec).terms
        if term.name in SIZE:
            arguments = dict(term.arguments)
            size = int(arguments[SIZE[term.name]])
            found += [Member(sweep, term.name, size, name) for sweep in sweeps(arguments, term.name)]
    order = list(dict.fromkeys(member.heading for member in found))
    return sorted(found, key=lambda member: (order.index(member.heading), member.size))


def reference(own: list[Member]) -> int:
    """The size that the others are held against: the published one, or the smallest of a grid that does not have it."""
    sizes = [member.size for member in own]
    published = PUBLISHED[SIZE[own[0].method]]
    return published if published in sizes else min(sizes)


def sweep(scores: AnswerScores, own: list[Member]) -> pd.DataFrame:
    """The mean of every size with its interval, and first the base model's.

    Returns:
        Columns heading, line, method, size and those of `pelt_core.report.reasoning.cells.cells`.
    """
    known = cells(scores).set_index("method")
    base = [{"heading": UNSWEPT, "line": METHOD_NAMES["none"], "method": "none", "size": 0, **known.loc["none"]}]
    swept = [
        {"heading": one.heading, "line": f"{one.size}", "method": one.method, "size": one.size, **known.loc[one.name]}
        for one in own
    ]
    return pd.DataFrame(base + swept)


def against(scores: AnswerScores, own: list[Member], reference: int) -> pd.DataFrame:
    """Each size less that one of the same sweep, paired; with Holm's correction over all lines.

    Args:
        scores: of the study.
        own: its cells.
        reference: the size that all others are held against.

    Returns:
        Columns heading, line, method, size, those of `pelt_core.report.reasoning.cells.difference`, p_holm and
        significant.
    """
    names = {one.heading: one.name for one in own if one.size == reference}
    lines = [
        {"heading": one.heading, "line": f"{one.size} − {reference}", "method": one.method, "size": one.size}
        | difference(scores, {"method": one.name}, {"method": names[one.heading]})
        for one in own
        if one.size != reference and one.heading in names
    ]
    columns = ["heading", "line", "method", "size", "state", "seeds", "items", *TESTED]
    return with_holm(pd.DataFrame(lines, columns=columns))


def lines(own: list[Member]) -> Lines:
    """The base model and every size, as lines of a table."""
    sizes = [(one.name, {"Module": one.heading, "Size": f"{one.size}"}) for one in own]
    return [("none", {"Module": METHOD_NAMES["none"], "Size": ""}), *sizes]


def reading(frame: pd.DataFrame, differing: pd.DataFrame, reference: int) -> Markdown:
    """For each sweep, in a paragraph: where the loss is lowest, how far apart its ends are, and what is significant."""
    said = []
    for heading, own in frame[frame["heading"] != UNSWEPT].groupby("heading", sort=False):
        known = own.dropna(subset="mean")
        if known.empty:
            said.append(f"**{heading}.** Nothing is recorded yet.")
            continue
        ranked = sorted(known.itertuples(), key=lambda one: one.mean)
        lowest, highest = ranked[0], ranked[-1]
        text = (
            f"**{heading}.** Of the {counted(len(known), 'size')} recorded, {lowest.size} has the lowest loss, "
            f"{interval(lowest, '{:.3f}')} nats per token, and {highest.size} the highest, "
            f"{interval(highest, '{:.3f}')}."
        )
        tested = differing[(differing["heading"] == heading) & differing["p"].notna()]
        if len(tested):
            text += f" Against {reference}, {_significant(tested)}."
        said.append(text)
    return Markdown("\n\n".join(said))


def _significant(tested: pd.DataFrame) -> str:
    better, worse = (tested[tested["significant"] & (sign * tested["mean"] < 0)]["size"] for sign in (1, -1))
    said = [f"{listed(map(str, sizes))} {how}" for sizes, how in ((better, "lower"), (worse, "higher")) if len(sizes)]
    rest = len(tested) - len(better) - len(worse)
    if rest:
        said.append(f"{rest} not told apart (smallest detectable difference {tested['detectable'].median():.3f} nats)")
    return f"the loss at {len(tested)} other sizes is, after Holm's correction: {'; '.join(said)}"
