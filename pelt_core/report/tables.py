"""Tables: pandas frames as captioned MyST tables, and the tables of a study of cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from pelt_core.report import estimates, words
from pelt_core.report.names import METHOD_NAMES, backbone_summary, set_name
from pelt_core.report.results import DIVERGED, NOT_RUN, Results

NUMBER = rf"^[−+\d<]|^–|^{NOT_RUN.replace(' ', '.')}|^{DIVERGED}|^$"
"""How a cell of a column of numbers begins: with one, or with why there is none."""


def table(frame: pd.DataFrame, name: str, caption: str) -> Markdown:
    """A frame as a MyST table with a caption and a name to refer to.

    Numbers must have been formatted before; the first column is set to the left, columns of numbers to the right. A
    frame without lines, as nothing of it is recorded, becomes a sentence that says so.
    """
    if frame.empty:
        return Markdown(f"{caption}: {NOT_RUN}.")
    right = [i > 0 and frame[c].astype(str).str.match(NUMBER).all() for i, c in enumerate(frame.columns)]
    lines = [frame.columns, ["--:" if r else ":--" for r in right], *frame.itertuples(index=False)]
    body = "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
    return Markdown(f"```{{table}} {caption}\n:name: {name}\n\n{body}\n```")


def setup(results: Results) -> pd.DataFrame:
    """What all runs of a grid share, and what distinguishes its cells."""
    trained = [cell.runs[0] for cell in results.trained]
    run = trained[0]
    rates: dict[str, list[str]] = {}
    for cell, one in zip(results.trained, trained, strict=True):
        rates.setdefault(f"{one.learning_rate:g}", []).append(METHOD_NAMES[cell.method])
    modules = dict.fromkeys(words.module(one.method) for one in trained)
    warmup = f"{run.warmup:.0%} of the steps" if run.warmup < 1 else f"{run.warmup:g} steps"
    lines = {
        "Backbone": backbone_summary(run.backbone),
        "Modules": ", ".join(f"`{module}`" for module in modules),
        "Places": ", ".join(dict.fromkeys(cell.placement for cell in results.trained)),
        "Training data": words.training(results),
        "Optimiser": f"AdamW, batch {run.batch_size}, {run.epochs} epoch{'s' * (run.epochs > 1)}, warm-up {warmup}, "
        f"weight decay {run.weight_decay:g}",
        "Peak learning rate": "; ".join(f"{rate}: {', '.join(dict.fromkeys(who))}" for rate, who in rates.items()),
        "Seeds": ", ".join(dict.fromkeys(str(one.seed) for cell in results.trained for one in cell.runs)),
        "Accuracy on": f"{', '.join(map(set_name, run.evaluate))}; at most {run.questions} questions each",
        "Answer loss on": words.loss_questions(results),
        "Prompt": f"`{run.prompt}`",
        "Length": f"{run.max_length} tokens in training, {run.max_new_tokens} new tokens in an answer",
        "Frozen weights": run.precision,
    }
    return pd.DataFrame(lines.items(), columns=["Setting", "Value"])


def cells(results: Results) -> pd.DataFrame:
    """Every cell: its answer loss, accuracy, size and seeds."""
    loss, accuracy = (estimates.by_cell(results, measure) for measure in ("loss", "correct"))
    lines = []
    for cell, lost, right in zip(results.cells, loss.itertuples(), accuracy.itertuples(), strict=True):
        row = results.row(cell)
        lines.append(
            {
                "Method": METHOD_NAMES[cell.method],
                "Place": cell.placement or "none",
                "Answer loss": results.state(cell) or interval(lost, "{:.3f}"),
                "Accuracy, %": results.state(cell) or interval(right, "{:.1f}", 100),
                "Trained": f"{row['trainable_parameters']:,}" if row else NOT_RUN,
                "Share": f"{row['trainable_parameters'] / row['backbone_parameters']:.2%}" if row else "",
                "Seeds": f"{len(results.finished(cell))} of {len(cell.runs)}",
            }
        )
    return pd.DataFrame(lines)


def by_set(results: Results) -> pd.DataFrame:
    """Accuracy of every cell on each data set, in percent, with the majority class where answers are letters."""
    frames = {
        name: list(estimates.by_cell(results, "correct", (name,)).itertuples()) for name in results.sets("correct")
    }
    body = [
        {"Method": METHOD_NAMES[cell.method], "Place": cell.placement or "none"}
        | {set_name(name): results.state(cell) or interval(lines[i], "{:.1f}", 100) for name, lines in frames.items()}
        for i, cell in enumerate(results.cells)
    ]
    always = {name: results.majority(name) for name in frames if estimates.is_choice(name)}
    if any(np.isfinite(list(always.values()))):
        best = {set_name(name): f"{100 * always[name]:.1f}" if name in always else "" for name in frames}
        body.append({"Method": "Always the commonest letter", "Place": ""} | best)
    return pd.DataFrame(body)


def pairs(frame: pd.DataFrame, number: str, scale: float = 1) -> pd.DataFrame:
    """Paired differences with their corrected p-values."""
    lines = [
        {
            "Method": METHOD_NAMES[one.method],
            "Places": one.pair,
            "Difference": one.state or interval(one, number, scale),
            "p": "" if np.isnan(one.p) else p_value(one.p),
            "p, Holm": "" if np.isnan(one.p_holm) else p_value(one.p_holm),
        }
        for one in frame.itertuples()
    ]
    return pd.DataFrame(lines)


def interval(estimate: Any, number: str, scale: float = 1) -> str:
    """`mean [low, high]` of a line of a frame of estimates; on the page it may break only before the bracket."""
    mean, low, high = (number.format(scale * value) for value in (estimate.mean, estimate.low, estimate.high))
    return f"{mean} [{low},\N{NO-BREAK SPACE}{high}]".replace("-", "−")


def p_value(p: float) -> str:
    """A p-value to three places; smaller ones as a bound."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
