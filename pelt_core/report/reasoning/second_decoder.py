"""Contrasts of the studies on the first decoder beside the same contrasts on a second one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import METHOD_NAMES, backbone_name, method_name, set_name
from pelt_core.report.reasoning import published
from pelt_core.report.reasoning.cells import by_name, cells, difference
from pelt_core.report.tables import p_value
from pelt_core.report.tested import TESTED, with_holm
from pelt_core.report.told import in_cell, with_p
from pelt_core.study import answer_scores
from pelt_core.study.answer_scores import AnswerScores
from pelt_core.study.ledger import Ledger
from pelt_core.study.rank_correlation import LEAST_PAIRS, spearman

STUDY = "second-decoder"
FIRST = ("placement", "arithmetic", "causal-gates")
"""The studies on the first decoder whose contrasts are looked at again."""
PLACES = {"attention": "attention", "mlp": "MLP", "both": "both"}
"""What the short name of a cell of a place ends in -> how it is called."""
FOUR = ("prefix", "series-mlp", "parallel-mlp", "lora-both")
"""The methods of `arithmetic`, by the short names that this study gives them."""
PARTS = ("series-mlp", "lora", "mlp-prefix")
"""What the combinations of `causal-gates` are made of."""
SAME, OPPOSITE = "the same direction", "opposite directions"
ONLY_FIRST, ONLY_SECOND, NEITHER = "clear on the first alone", "clear on the second alone", "clear on neither"


class Contrast(NamedTuple):
    """Two methods, by the short names of this study, and the study that has both on the first decoder."""

    study: str
    heading: str
    line: str
    first: str
    second: str


def kind(name: str) -> str:
    """The method whose colour and name a short name of this study has: `series` for `series-mlp`."""
    return name if name in METHOD_NAMES else name.partition("-")[0]


CONTRASTS = (
    *(
        Contrast("placement", f"{METHOD_NAMES[of]}, places", f"{PLACES[a]} − {PLACES[b]}", f"{of}-{a}", f"{of}-{b}")
        for of in ("series", "parallel", "lora")
        for a, b in (("both", "mlp"), ("both", "attention"), ("mlp", "attention"))
    ),
    *(
        Contrast("arithmetic", f"{METHOD_NAMES[kind(a)]} less …", METHOD_NAMES[kind(b)], a, b)
        for i, a in enumerate(FOUR)
        for b in FOUR[:i]
    ),
    Contrast("causal-gates", "Three, token gate less …", "the same, no gate", "token", "nogate"),
    *(
        Contrast("causal-gates", f"{METHOD_NAMES[whole]} less …", METHOD_NAMES[kind(part)], whole, part)
        for whole in ("token", "nogate")
        for part in PARTS
    ),
)
"""In the order of the page."""


class Decoders(NamedTuple):
    """The recorded runs of both.

    Attributes:
        first: name of a study of `FIRST` -> its runs.
        second: the runs of this study.
    """

    first: Mapping[str, AnswerScores]
    second: AnswerScores

    @property
    def names(self) -> tuple[str, str]:
        """What both backbones are called; one that is on either side is told apart."""
        one, other = (
            backbone_name(scores.runs[0].backbone) for scores in (next(iter(self.first.values())), self.second)
        )
        return (one, f"{other}, again" if one == other else other)

    def short(self, study: str, name: str) -> str | None:
        """What a study on the first decoder calls the method `name` of this one; `None` where it has no such method."""
        specifications = {short: spec for spec, short in self.second.names.items()}
        return self.first[study].names.get(specifications.get(name, ""))


def load(preset: str, ledger: Ledger) -> Decoders:
    """What `ledger` holds of these studies; raises what `pelt_core.study.answer_scores.load` raises."""
    first = {study: answer_scores.load([study], preset, ledger) for study in FIRST}
    return Decoders(first, answer_scores.load([STUDY], preset, ledger))


def contrasts(both: Decoders) -> pd.DataFrame:
    """Every contrast of `CONTRASTS` that both grids have, on both decoders.

    Returns:
        Columns side (0 or 1), study, heading, line, method (for the colour), those of
        `pelt_core.report.reasoning.cells.difference`, and p_holm and significant, corrected over the lines of a side.
    """
    found: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])
    for one in CONTRASTS:
        first, second = both.short(one.study, one.first), both.short(one.study, one.second)
        if first is None or second is None:
            continue
        named = {"study": one.study, "heading": one.heading, "line": one.line, "method": kind(one.first)}
        found[0].append(named | difference(both.first[one.study], {"method": first}, {"method": second}))
        found[1].append(named | difference(both.second, {"method": one.first}, {"method": one.second}))
    columns = ["side", "study", "heading", "line", "method", "state", "seeds", "items", *TESTED]
    frames = [with_holm(pd.DataFrame(own, columns=columns).assign(side=side)) for side, own in enumerate(found)]
    return pd.concat(frames, ignore_index=True)


def tested(one: Any) -> bool:
    """Whether a line of `contrasts` has a p-value, for which it takes two seeds."""
    return not np.isnan(one.p_holm)


def clear(one: Any) -> bool:
    """Whether a difference is told from zero: by the corrected test, or where there is none by its interval."""
    return bool(one.significant) if tested(one) else one.low * one.high > 0


def verdict(one: Any, other: Any) -> str:
    """What a contrast's differences on both decoders say together; why nothing, where one is not known."""
    if one.state or other.state:
        return one.state or other.state
    signs = [int(np.sign(side.mean)) if clear(side) else 0 for side in (one, other)]
    if all(signs):
        return SAME if signs[0] == signs[1] else OPPOSITE
    return ONLY_FIRST if signs[0] else ONLY_SECOND if signs[1] else NEITHER


def pairs(frame: pd.DataFrame) -> list[tuple[Any, Any, str]]:
    """Each contrast on the first decoder, on the second, and its `verdict`."""
    sides = [frame[frame["side"] == side].itertuples() for side in (0, 1)]
    return [(one, other, verdict(one, other)) for one, other in zip(*sides, strict=True)]


def table(both: Decoders, frame: pd.DataFrame) -> pd.DataFrame:
    """The contrasts for the page."""
    one, other = both.names
    return pd.DataFrame(
        {
            "Contrast": f"{first.heading.removesuffix(' …')}: {first.line}",
            one: with_p(first, "{:+.3f}"),
            other: with_p(second, "{:+.3f}"),
            "Both": said,
        }
        for first, second, said in pairs(frame)
    )


def losses(both: Decoders) -> pd.DataFrame:
    """Every method on the second decoder, for the page: what it trains, its loss on each data set, its seconds."""
    scores = both.second
    by_set = {name: by_name(cells(scores, sets=(name,))) for name in scores.tasks}
    rows = {scores.names[run.method]: scores.rows[run.key] for run in scores.runs if run.key in scores.rows}
    return pd.DataFrame(
        {
            "Method": method_name(name),
            "Trained": f"{rows[name]['trainable_parameters']:,}" if name in rows else NOT_RUN,
            **{f"Loss, {set_name(own)}": in_cell(found[name], "{:.3f}") for own, found in by_set.items()},
            "Minutes": f"{sum(rows[name]['seconds'].values()) / 60:.1f}" if name in rows else "",
            "Module": f"`{spec}`",
        }
        for spec, name in scores.names.items()
    )


def orders(both: Decoders) -> pd.DataFrame:
    """Whether the trained methods of each study have the same order by loss on both decoders.

    Returns:
        Columns study, methods (how many are recorded on both), and found: a
        `pelt_core.study.rank_correlation.RankCorrelation`, or why there is none: runs are missing, or the budget has
        too few methods for one.
    """
    own = cells(both.second).set_index("method")["mean"].drop("none").dropna()
    body = []
    for study, scores in both.first.items():
        theirs = cells(scores).set_index("method")["mean"].dropna()
        known = {name: theirs.get(both.short(study, name), np.nan) for name in own.index}
        there = pd.Series(known, dtype=float).dropna()
        shared = [name for name in both.second.names.values() if name != "none" and both.short(study, name)]
        lacking = NOT_RUN if len(shared) >= LEAST_PAIRS else f"fewer than {LEAST_PAIRS} methods"
        found = spearman(there, own[there.index]) if len(there) >= LEAST_PAIRS else lacking
        body.append({"study": study, "methods": len(there), "found": found})
    return pd.DataFrame(body)


def order_table(frame: pd.DataFrame) -> pd.DataFrame:
    """`orders` for the page."""
    return pd.DataFrame(
        {
            "Study": f"[{one.study}]({one.study})",
            "Methods that both have": f"{one.methods}",
            "Rank correlation": published.said(one.found),
            "p": "" if isinstance(one.found, str) else p_value(one.found.p_value),
        }
        for one in frame.itertuples()
    )
