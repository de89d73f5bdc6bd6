"""Combinations of modules on a language model, with gates and without: what they gain over their parts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import METHOD_NAMES, method_name, set_name
from pelt_core.report.reasoning import recipe
from pelt_core.report.reasoning.cells import by_name, cells, difference
from pelt_core.report.tables import interval
from pelt_core.report.tested import TESTED, with_holm
from pelt_core.report.told import in_cell
from pelt_core.report.words import listed
from pelt_core.study.answer_scores import AnswerScores
from pelt_core.study.sizes import kept

GROUPS = {
    "Untrained": ("none",),
    "One module": ("series", "lora", "mlp-prefix"),
    "Several, no gate": ("series-lora", "mam", "nogate"),
    "Three, gated": ("scalar", "token", "prompt-held", "sequence"),
}
"""Heading -> the methods under it, by their short names."""
GATED = ("scalar", "token", "prompt-held", "sequence")
CONTRASTS = (
    *(("Three, gated − no gate", gated, "nogate") for gated in GATED),
    *(("Three, no gate − one of them", "nogate", alone) for alone in ("series", "lora", "mlp-prefix")),
    *(("Series + LoRA − one of them", "series-lora", alone) for alone in ("series", "lora")),
    *(("MAM − one module", "mam", alone) for alone in ("series", "mlp-prefix")),
)
"""Heading, first and second side of every comparison of the page."""
LEAKING = "sequence"
"""The gate that reads tokens which are still to be written."""


def losses(scores: AnswerScores) -> pd.DataFrame:
    """The loss of every method as a line of `pelt_core.report.lines.means`."""
    known = {one.method: one for one in cells(scores).itertuples(index=False)}
    lines = [
        {"heading": heading, "line": method_name(name), **known[name]._asdict()}
        for heading, names in GROUPS.items()
        for name in names
        if name in known
    ]
    return pd.DataFrame(lines)


def differences(scores: AnswerScores) -> pd.DataFrame:
    """Every comparison of `CONTRASTS` that the grid has, as a line of `pelt_core.report.lines.differences`."""
    there = set(scores.names.values())
    lines = [
        {"heading": heading, "line": _short(first if first in GATED else second), "method": first, "second": second}
        | difference(scores, {"method": first}, {"method": second})
        for heading, first, second in CONTRASTS
        if {first, second} <= there
    ]
    columns = ["heading", "line", "method", "second", "state", "seeds", "items", *TESTED]
    return with_holm(pd.DataFrame(lines, columns=columns))


def table(scores: AnswerScores) -> pd.DataFrame:
    """Every method for the page: its size, time and losses, and what it answers while it writes."""
    by_set = {name: by_name(cells(scores, sets=(name,))) for name in scores.tasks}
    texts, right = by_name(cells(scores.by("text_loss"))), by_name(cells(scores.by("accuracy")))
    time, by_key = training_time(scores), {run.key: run for run in scores.runs}
    body = []
    for name in (name for group in GROUPS.values() for name in group if name in scores.names.values()):
        own = [run.key for run in scores.runs if scores.names[run.method] == name and run.key in scores.rows]
        row = scores.rows[own[0]] if own else None
        body.append(
            {
                "Method": method_name(name),
                "Trained": f"{row['trainable_parameters']:,}" if row else NOT_RUN,
                "Kept": f"{kept(by_key[own[0]]):,}" if row else "",
                "Time, %": f"{time[name]:.0f}" if name in time else "",
                **{f"Loss, {set_name(s)}": in_cell(found[name], "{:.3f}") for s, found in by_set.items()},
                **({"Loss of other texts": in_cell(texts[name], "{:.3f}")} if texts else {}),
                **({"Right, %": in_cell(right[name], "{:.1f}") if name in right else ""} if right else {}),
                "Seeds": f"{next(iter(by_set.values()))[name].seeds}" if name != "none" else "",
            }
        )
    return pd.DataFrame(body)


def training_time(scores: AnswerScores) -> dict[str, float]:
    """The wall time of training in percent of that of LoRA, the mean over the seeds that both have; none without it."""
    own = scores.table[scores.table["train"] != ""]
    seconds = {
        (line.method, line.seed): scores.rows[line.key]["seconds"]["train"] for line in own.itertuples(index=False)
    }
    found = {}
    for name in dict.fromkeys(own["method"]):
        own_seconds = {seed: spent for (method, seed), spent in seconds.items() if method == name}
        ratios = [spent / seconds["lora", seed] for seed, spent in own_seconds.items() if ("lora", seed) in seconds]
        if ratios:
            found[str(name)] = 100 * float(np.mean(ratios))
    return found


def gates(scores: AnswerScores) -> pd.DataFrame:
    """Every gate over worked answers, the mean over data sets and seeds: columns as `heat_figures.heat` takes them."""
    lines = []
    for one in scores.table[scores.table["method"].isin(GATED)].itertuples():
        found = scores.rows[one.key].get("gates") or {}
        for values in found.get("answers", {}).values():
            for gate, value in zip(found["names"], values, strict=True):
                layer, position, module = gate.split()
                column = method_name(one.method).removeprefix("Three, ").removesuffix(" gate")
                lines.append((_gate(module, position), int(layer) + 1, column, value))
    frame = pd.DataFrame(lines, columns=["facet", "layer", "column", "value"])
    means = frame.groupby(["facet", "layer", "column"], sort=False, as_index=False)["value"].mean()
    return means.assign(gate="")


def forced(scores: AnswerScores) -> pd.DataFrame:
    """The loss when every gate has one value, mean over seeds and data sets: a table for the page.

    Where one of them is not finite, the mean is not either, and the table says so.
    """
    body = []
    for name in (name for name in GATED if name in set(scores.table["method"])):
        keys = scores.table.loc[scores.table["method"] == name, "key"]
        found = [scores.rows[key]["gates"]["forced"] for key in keys if "forced" in scores.rows[key].get("gates", {})]
        if found:
            means = {_forced(how): _mean([*chain(*(one[how].values() for one in found))]) for how in _ordered(found[0])}
            body.append({"Method": METHOD_NAMES[name], **means})
    return pd.DataFrame(body)


def reading(scores: AnswerScores, differing: pd.DataFrame, values: pd.DataFrame) -> Markdown:
    """What the comparisons say, heading by heading, where the gates stand, and what the leaking gate does."""
    said = [_of_heading(str(heading), own) for heading, own in differing.groupby("heading", sort=False)]
    if len(values):
        spread = values.groupby("facet", sort=False)["value"].agg(["min", "max"])
        ends = listed(f"{gate} {line['min']:.2f} to {line['max']:.2f}" for gate, line in spread.iterrows())
        said.append(f"**Gates** start at one half. After training their means over answers lie between: {ends}.")
    return Markdown("\n\n".join([*said, *_leak(scores)]))


def limits(search: AnswerScores) -> list[str]:
    """What the search found for the same three modules when no MLP writes the prefix, as a point of limits.

    Args:
        search: the study answer-recipe.
    """
    rates = dict(recipe.choices(search)[["method", "rate"]].itertuples(index=False))
    found = []
    for name in ("nogate", "token"):
        if {name, f"{name}-direct"} <= set(rates):
            here, direct = ({"method": m, "learning_rate": rates[m]} for m in (name, f"{name}-direct"))
            differs = SimpleNamespace(**difference(search, direct, here))
            found.append(f"{interval(differs, '{:+.4f}')} ({method_name(name)})")
    if not found:
        return []
    return [
        "**The MLP counts.** The MLP that writes the prefix is trained, and dropped afterwards. The "
        "[search](answer-recipe) also trained the three with a prefix of its own and as many parameters, those of the "
        "MLP in a larger adapter. Each at its best rate, with one seed and on other questions, their loss less that of "
        f"the cells here is {listed(found)} nats a token. Such a prefix hardly leaves its start at these rates."
    ]


def _of_heading(heading: str, own: pd.DataFrame) -> str:
    known = own[own["state"] == ""]
    if known.empty:
        return f"**{heading}.** {NOT_RUN.capitalize()}."
    lines = []
    for one in known.itertuples():
        how = "lower" if one.mean < 0 else "higher"
        untested = "one seed, no test" if np.isnan(one.p) else "not told apart"
        sure = f"the loss is {how}" if one.significant else untested
        lines.append(f"{one.line}: {interval(one, '{:+.4f}')}, {sure}")
    return f"**{heading}.** " + "; ".join(lines) + "."


def _leak(scores: AnswerScores) -> Iterator[str]:
    accuracies = by_name(cells(scores.by("accuracy")))
    known = by_name(cells(scores))
    if LEAKING not in accuracies or accuracies[LEAKING].state or known["nogate"].state:
        return
    others = [name for name in accuracies if name != LEAKING and not accuracies[name].state]
    shown = listed(f"*{method_name(name)}* {interval(accuracies[name], '{:.1f}')}" for name in others)
    yield (
        "**A gate that leaks.** The sequence gate of UniPELT, put into a language model as it is, takes its mean over "
        "the answer as well. Its answer loss is therefore no loss of a model that could write: while it writes, the "
        f"gates are others than those it was trained with. Written answers that are right: *{method_name(LEAKING)}* "
        f"{interval(accuracies[LEAKING], '{:.1f}')} %, where {shown} %. The library refuses such a gate unless it is "
        "asked for by name."
    )


def _short(name: str) -> str:
    return method_name(name).removeprefix("Three, ").capitalize() if name in GATED else method_name(name)


def _gate(module: str, position: str) -> str:
    if module == "lora":
        return f"LoRA, {'query' if position == 'q' else 'value'}"
    return METHOD_NAMES[module.removeprefix("mlp_")].removesuffix(" adapter")


def _forced(how: str) -> str:
    return "As trained" if how == "free" else f"All at {float(how):g}"


def _mean(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{np.mean(known):.3f}" if known == values else "not finite"


def _ordered(found: dict[str, Any]) -> list[str]:
    return sorted(found, key=lambda how: -1.0 if how == "free" else float(how))
