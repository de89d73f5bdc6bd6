"""The tables of LLM-Adapters (Hu et al. 2023, tables 3 and 4) by our names, laid beside our means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import backbone_name, method_name, set_name
from pelt_core.report.reasoning.cells import cells
from pelt_core.study.answer_scores import AnswerScores
from pelt_core.study.claims.published import PUBLISHED, read
from pelt_core.study.rank_correlation import LEAST_PAIRS, RankCorrelation, spearman

METHODS = ("prefix", "series", "parallel", "lora")
"""That the paper trains, in its order."""
FIRST, CORRECTED, COMMONSENSE = "3-arithmetic", "3-arithmetic-corrected", "4-commonsense"
"""Names of tables in the file. The authors withdrew columns of the first and printed others: see its README."""
MEANS = {FIRST: "avg", CORRECTED: "avg4", COMMONSENSE: "avg"}
"""Table -> its column of means."""
SHARED = ("gsm8k", "aqua", "svamp")
"""The sets of arithmetic whose columns were not withdrawn; with MAWPS they make the corrected mean."""
NOTHING = "·"
"""In a cell that the paper, or we, do not have."""
TIED = "ours are all equal"
UNTRAINED = {"zero-shot": "untrained, asked directly", "zero-shot-cot": "untrained, asked for steps"}
"""What the paper compares with, in our words."""


def numbers(name: str) -> pd.DataFrame:
    """One published table, in percent: columns backbone, method and dataset as we call them, and value."""
    rows = read(PUBLISHED)
    own = rows[rows["table"] == name]
    return own.assign(dataset=own["dataset"].str.replace("_", "-"))[["backbone", "method", "dataset", "value"]]


def means(name: str) -> pd.DataFrame:
    """The published means of the trained methods: a line a backbone, a column a method of `METHODS`."""
    own = numbers(name)
    found = own[(own["dataset"] == MEANS[name]) & own["method"].isin(METHODS)]
    wide = found.pivot(index="backbone", columns="method", values="value")
    return wide.loc[list(dict.fromkeys(found["backbone"])), list(METHODS)]


def beside(ours: pd.DataFrame, name: str) -> pd.DataFrame:
    """Published means and ours for a figure of lines, a heading a backbone, ours last.

    Args:
        ours: our means of the same methods, with columns heading, line, method, state, mean, low, high, by_seed.
        name: of the table that is laid beside them.

    Returns:
        Those columns; published means have no interval.
    """
    found = [
        {"heading": backbone, "line": method_name(method), "method": method, "state": "", "mean": value}
        for backbone, line in means(name).iterrows()
        for method, value in line.items()
    ]
    printed = pd.DataFrame(found).assign(low=np.nan, high=np.nan, by_seed=[[] for _ in found])
    columns = list(printed.columns)
    return pd.concat([printed, ours[columns]], ignore_index=True)


def own_lines(scores: AnswerScores, sets: Sequence[str], **where: str) -> pd.DataFrame:
    """Our means of the paper's methods over these sets, as `beside` takes them.

    Args:
        scores: of the study.
        sets: over these, all if empty.
        where: what else selects the runs.
    """
    known = [name for name in METHODS if name in scores.names.values()]
    found = cells(scores, sets=sets, method=known, **where).set_index("method").loc[known].reset_index()
    heading = f"{backbone_name(scores.runs[0].backbone)}, this study"
    return found.assign(heading=heading, line=found["method"].map(method_name))


def agreement(name: str, ours: pd.Series) -> dict[str, RankCorrelation | str]:
    """Backbone -> how far its order of the methods is ours, or why that is not known.

    Args:
        name: of the table whose means.
        ours: a number for each method, more being better; NaN where none is known.
    """
    known = ours.reindex(list(METHODS)).dropna()
    why = NOT_RUN if len(known) < LEAST_PAIRS else TIED if known.nunique() == 1 else ""
    return {str(backbone): why or spearman(line[known.index], known) for backbone, line in means(name).iterrows()}


def table(tables: Mapping[str, str], sets: Sequence[str], ours: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """Published tables of the same runs as one for the page, a line a backbone and method, with our lines below.

    Args:
        tables: names of tables, each with the heading for its means.
        sets: the columns, in this order.
        ours: what to write in our lines, by the headings of the columns.
    """
    lines: dict[tuple[str, str], dict[str, str]] = {}
    for name, mean in tables.items():
        for one in numbers(name).itertuples():
            line = lines.setdefault(
                (one.backbone, one.method),
                {"Backbone": one.backbone, "Method": UNTRAINED.get(one.method) or method_name(one.method)},
            )
            line[mean if one.dataset == MEANS[name] else set_name(one.dataset)] = f"{one.value:.1f}"
    columns = ["Backbone", "Method", *map(set_name, sets), *tables.values()]
    return pd.DataFrame([*lines.values(), *ours], columns=columns).fillna(NOTHING)


def said(found: RankCorrelation | str) -> str:
    """`0.80 [−0.65, 1.00]`, or why there is none."""
    if isinstance(found, str):
        return found
    low, high = (f"{end:.2f}" for end in (found.low, found.high))
    return f"{found.value:.2f} [{low},\N{NO-BREAK SPACE}{high}]".replace("-", "−")
