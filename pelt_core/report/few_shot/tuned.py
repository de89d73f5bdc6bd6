"""What a gate could take the place of: LoRA's scale swept with and without gate, and sizes of prefix and adapter."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pandas as pd

from pelt_core import specification
from pelt_core.report.few_shot.cells import cells, difference, paired
from pelt_core.report.tested import with_holm
from pelt_core.study.run import ClassificationRun
from pelt_core.study.scores import Scores

DEFAULT = 2.0
"""alpha / rank of LoRA where nothing is swept."""
SIZES = (("prefix-50", "prefix"), ("adapter-12", "adapter"), ("adapter-192", "adapter"))
"""Short names of the cells that are compared."""
SIZE = {"prefix": "tokens", "mlp_prefix": "tokens", "pfeiffer": "bottleneck"}
"""Module -> the argument that is its size."""


def swept(scores: Scores) -> pd.DataFrame:
    """The cells in which LoRA's scale alpha / rank is swept.

    Returns:
        Columns method, gated, scale (a number), and name, how the page writes it, ungated ones first, by scale.
    """
    lines = [line for run in scores.runs if (line := _scale(scores, run))]
    frame = pd.DataFrame(lines, columns=["method", "gated", "scale", "name"]).drop_duplicates()
    both = set(frame.loc[frame["gated"], "scale"]) & set(frame.loc[~frame["gated"], "scale"])
    return frame[frame["scale"].isin(both)].sort_values(["gated", "scale"], ignore_index=True)


def by_scale(scores: Scores, examples: int) -> pd.DataFrame:
    """The score of every cell of the sweep: columns of `swept` and of `pelt_core.report.few_shot.cells.cells`."""
    sweep = swept(scores)
    found = cells(scores, ("task", "method"), method=sweep["method"].tolist(), examples=examples)
    return sweep.merge(found, on="method").sort_values(["task", "gated", "scale"], kind="stable", ignore_index=True)


def ranges(scores: Scores, examples: int) -> pd.DataFrame:
    """How far the score moves with the scale, a line a task and seed that all cells of the sweep have.

    Returns:
        Columns task, seed, without, with (the best scale's score − the worst's, in points), narrower (the difference).
    """
    sweep = swept(scores)
    runs = scores.table[scores.table["examples"] == examples].merge(sweep, on="method")
    table = runs.pivot_table("score", ["task", "seed"], ["gated", "scale"], sort=False)
    if table.shape[1] < len(sweep):
        return pd.DataFrame(columns=["task", "seed", "without", "with", "narrower"])
    whole = table.dropna()
    reach = {gate: whole[gate].max(axis=1) - whole[gate].min(axis=1) for gate in (False, True)}
    frame = pd.DataFrame({"without": reach[False], "with": reach[True]}).reset_index()
    return frame.assign(narrower=frame["without"] - frame["with"])


def scale_differences(scores: Scores, examples: int) -> pd.DataFrame:
    """Each scale against the default one, without gate, with gate, and the difference of these differences.

    The default is LoRA's own cell of the main study. Tasks count the same.

    Returns:
        Columns comparison, kind ("without gate", "with gate", "without − with"), those of `cells.paired`, p_holm and
        significant, corrected over all lines.
    """
    sweep = swept(scores)
    lines = []
    for scale, name in sweep[["scale", "name"]].drop_duplicates().itertuples(index=False):
        if sweep["scale"].nunique() < 2 or scale == DEFAULT:
            continue
        one, default = (_by_gate(scores, sweep, at, examples) for at in (scale, DEFAULT))
        comparison = f"scale {name} − {Fraction(DEFAULT)}"
        lines += [
            {"comparison": comparison, "kind": "without gate"} | paired(one[False], default[False]),
            {"comparison": comparison, "kind": "with gate"} | paired(one[True], default[True]),
            {"comparison": comparison, "kind": "without − with"}
            | paired(_minus(one[False], one[True]), _minus(default[False], default[True])),
        ]
    columns = ["comparison", "kind", "state", "tasks", "seeds", "mean", "low", "high", "p", "detectable"]
    return with_holm(pd.DataFrame(lines, columns=columns))


def sizes(scores: Scores, examples: int) -> pd.DataFrame:
    """Longer prefixes, and smaller and larger bottlenecks, against the default, a line a task.

    Returns:
        Columns task, comparison, method, those of `cells.paired`, p_holm and significant.
    """
    lines = [
        {"task": task, "comparison": f"{sized(scores, first)} − {sized(scores, second)}", "method": second}
        | difference(scores, {"method": first}, {"method": second}, task=task, examples=examples)
        for first, second in SIZES
        for task in dict.fromkeys(run.task for run in scores.runs if scores.names[run.method] == first)
    ]
    columns = ["task", "comparison", "method", "state", "tasks", "seeds", "mean", "low", "high", "p", "detectable"]
    return with_holm(pd.DataFrame(lines, columns=columns))


def sized(scores: Scores, name: str) -> str:
    """What is small or large of a module, and how large: `tokens 50`; of the method with this short name."""
    term = specification.parse(next(spec for spec, own in scores.names.items() if own == name)).terms[0]
    return f"{SIZE[term.name]} {dict(term.arguments)[SIZE[term.name]]}"


def _scale(scores: Scores, run: ClassificationRun) -> dict[str, Any] | None:
    method = specification.parse(run.method)
    if len(method.terms) != 1 or method.terms[0].name != "lora":
        return None
    arguments = dict(method.terms[0].arguments)
    scale = arguments["alpha"] / arguments["rank"]
    name, gated = str(Fraction(scale).limit_denominator(64)), method.groups[0].gate is not None
    return {"method": scores.names[run.method], "gated": gated, "scale": scale, "name": name}


def _by_gate(scores: Scores, sweep: pd.DataFrame, scale: float, examples: int) -> dict[bool, pd.DataFrame]:
    own = sweep[sweep["scale"] == scale].set_index("gated")["method"]
    return {g: scores.values(method=own[g], examples=examples) if g in own else pd.DataFrame() for g in (False, True)}


def _minus(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """At the items and seeds that both have."""
    if one.empty or other.empty:  # of what is not run there are no items to join
        return pd.DataFrame()
    return (one - other).dropna(axis=1, how="all").dropna()
