"""What training on questions costs on texts that have nothing to do with them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from IPython.display import Markdown

from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import METHOD_NAMES, method_name
from pelt_core.report.reasoning.cells import cells, difference
from pelt_core.report.tables import interval, p_value
from pelt_core.report.tested import TESTED, with_holm
from pelt_core.report.told import in_cell
from pelt_core.report.words import counted, marked
from pelt_core.study.answer_scores import AnswerScores
from pelt_core.study.rank_correlation import LEAST_PAIRS, spearman

STUDIES = ("answer-methods", "causal-gates", "bottleneck", "lora-rank", "virtual-tokens")
"""The studies whose runs read other texts too, those first whose names the figure has."""
OWN, COMBINED, OTHERS = "One method", "Several modules", "Named by the papers"
COMBINATIONS = ("series-lora", "mam", "nogate", "scalar", "token", "prompt-held", "sequence")
FEW = ("full", "bitfit", "prefix", "prompt", "series", "parallel", "lora")


def forgotten(scores: AnswerScores) -> pd.DataFrame:
    """The loss of other texts after training less that before, for every method.

    Returns:
        Columns method, heading, line, answer (the mean answer loss, NaN before it is known), those of
        `pelt_core.report.reasoning.cells.difference`, p_holm and significant.
    """
    texts, answers = scores.by("text_loss"), {one.method: one.mean for one in cells(scores).itertuples()}
    lines = [
        {"method": name, "heading": _heading(name), "line": method_name(name), "answer": answers.get(name, np.nan)}
        | difference(texts, {"method": name}, {"method": "none"})
        for name in dict.fromkeys(scores.names[run.method] for run in scores.runs if run.trains)
    ]
    columns = ["method", "heading", "line", "answer", "state", "seeds", "items", *TESTED]
    frame = with_holm(pd.DataFrame(lines, columns=columns))
    order = {heading: place for place, heading in enumerate((OWN, COMBINED, OTHERS, ""))}
    return frame.sort_values("heading", key=lambda own: own.map(order), kind="stable", ignore_index=True)


def drawn(frame: pd.DataFrame) -> pd.DataFrame:
    """The lines that the figure shows: every method once, without the sizes of the sweeps."""
    return frame[frame["heading"] != ""]


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """`forgotten` for the page."""
    return pd.DataFrame(
        {
            "Method": one.line,
            "Answer loss": NOT_RUN if np.isnan(one.answer) else f"{one.answer:.3f}",
            "Loss of other texts, after − before": in_cell(one, "{:+.3f}"),
            "p, Holm": p_value(one.p_holm),
            "Seeds": f"{one.seeds}",
        }
        for one in frame.itertuples()
    )


def reading(frame: pd.DataFrame) -> Markdown:
    """Who forgets most and least, and whether those who learn more forget more, in sentences."""
    known = frame.dropna(subset=["mean", "answer"]).sort_values("mean")
    if known.empty:
        return Markdown("There is nothing to read yet: no run has read other texts.")
    ends = [known.iloc[:1], known.iloc[-1:]]
    least, most = (next(own.itertuples()) for own in ends)
    said = [
        f"Of {counted(len(known), 'method and size')} recorded, *{least.line}* changes the loss of other texts by "
        f"{interval(least, '{:+.3f}')} nats per token, *{most.line}* by {interval(most, '{:+.3f}')}."
    ]
    worse = known[known["significant"] & (known["mean"] > 0)]
    better = known[known["significant"] & (known["mean"] < 0)]
    if len(worse):
        said.append(f"Worse than before, after Holm's correction: {marked(worse['line'])}.")
    if len(better):
        said.append(f"Better than before: {marked(better['line'])}.")
    if len(known) >= LEAST_PAIRS and known["mean"].nunique() > 1 and known["answer"].nunique() > 1:
        found = spearman(-known["answer"], known["mean"])
        said.append(
            "The rank correlation of how well a method answers and how much it forgets is "
            f"{found.value:+.2f} [{found.low:+.2f}, {found.high:+.2f}] over them.".replace("-", "−")
        )
    return Markdown("\n\n".join(said))


def limits(scores: AnswerScores) -> Markdown:
    """One point a limit."""
    longest = max(run.max_length for run in scores.runs)
    points = [
        "**One kind of text.** The texts are single sentences of an encyclopedia. What a model forgets of other "
        "things, such as following instructions, is not measured.",
        f"**Loss, not skill.** A loss on texts of at most {longest} tokens says how well they are predicted, not what "
        "the model can still do.",
        "**Few steps.** Training is short; what is small here may grow with more of it.",
    ]
    return Markdown("\n".join(f"- {point}" for point in points))


def _heading(name: str) -> str:
    if name in FEW:
        return OWN
    if name in COMBINATIONS:
        return COMBINED
    return OTHERS if name in METHOD_NAMES else ""
