"""The tables of the page on efficiency; where nothing is recorded, they say so line by line."""

from __future__ import annotations

import pandas as pd

from pelt_core.report.efficiency.published import counted, table_4
from pelt_core.report.efficiency.quality import SPENT, Quality, on_front, penalised
from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import backbone_name, method_name
from pelt_core.report.speed.numbers import gigabytes
from pelt_core.report.tables import interval
from pelt_core.study.costs import FULL, FULL_TIME, Costs, Work
from pelt_core.study.scores import Scores


def setup(costs: Costs) -> pd.DataFrame:
    """What was measured, on which rows: columns Setting and Value."""
    if not costs.methods:
        return pd.DataFrame([("Costs", NOT_RUN)], columns=["Setting", "Value"])
    training, inference = costs.cell("training"), costs.cell("inference")
    lines = {
        "Backbone": backbone_name(training["backbone"]),
        "Methods": ", ".join(f"{method_name(name)} `{costs.specification(name)}`" for name in costs.methods),
        "Rows": f"{training['rows']}; {training['tokens_a_row']:.0f} tokens on average",
        "A turn of training": f"{training['steps_a_repeat']} steps of {training['batch_size']} rows, by AdamW",
        "A turn of inference": f"{inference['rows_a_repeat']} texts, read in micro-batches without padding",
        "Turns": f"{costs.file['repeats']} of each method and kind of work that count, after one that does not",
    }
    return pd.DataFrame(lines.items(), columns=["Setting", "Value"])


def times(costs: Costs) -> pd.DataFrame:
    """Time of training and of inference beside full fine-tuning, ours and the paper's."""
    printed = table_4()
    return pd.DataFrame(
        {
            "Method": method_name(name),
            "Training": _time(costs, "training", name),
            "Training, paper": _printed(printed, name, "training_time"),
            "Inference": _time(costs, "inference", name),
            "Inference, paper": _printed(printed, name, "inference_time"),
        }
        for name in costs.methods or printed.index
    )


def sizes(costs: Costs) -> pd.DataFrame:
    """Parameters of the trained method, its share, all that training trains, and the most memory of either work."""
    return pd.DataFrame(
        {
            "Method": method_name(name),
            "Parameters": f"{costs.own(name):,}" if costs.methods else NOT_RUN,
            "Of full fine-tuning": f"{100 * costs.own(name) / costs.own(FULL):.2f} %" if costs.methods else "",
            "In training, with the head": f"{costs.trainable(name):,}" if costs.methods else "",
            "Memory in training": gigabytes(costs.memory("training", name)) if costs.methods else "",
            "Memory in inference": gigabytes(costs.memory("inference", name)) if costs.methods else "",
        }
        for name in costs.methods or table_4().index
    )


def counts() -> pd.DataFrame:
    """The parameters of table 4, counted on BERT-base without weights; and whether the share is the printed one."""
    return pd.DataFrame(
        {
            "Method": f"{method_name(one.method)}{f', {one.reading}' * bool(one.reading)}",
            "Specification": f"`{one.specification}`",
            "Counted": f"{one.own:,}",
            "%": f"{one.percent:.3f}",
            "Printed, %": f"{one.published_percent:g}",
            "Same": "yes" if one.agrees else "no",
        }
        for one in counted().itertuples()
    )


def quality(costs: Costs, shown: Quality, scores: Scores) -> pd.DataFrame:
    """The score of every method, both PSCP, and on which fronts it is."""
    lowered = penalised(costs, shown)
    fronts = {kind: on_front(costs, shown, kind) for kind in SPENT}
    found = {one.Index: one for one in shown.frame.itertuples()}
    lines = []
    for name in dict.fromkeys(scores.names.values()):
        line = {
            "Method": method_name(name),
            "Score": NOT_RUN,
            "PSCP": "",
            "PSCP, in proportion": "",
            "On the front": "",
        }
        if name in found:
            line["Score"] = interval(found[name], "{:.1f}")
        if name in lowered.index:
            line["PSCP"], line["PSCP, in proportion"] = (f"{value:.1f}" for value in lowered.loc[name])
            line["On the front"] = ", ".join(kind for kind, own in fronts.items() if name in own)
        lines.append(line)
    return pd.DataFrame(lines)


def _time(costs: Costs, work: Work, name: str) -> str:
    if not costs.methods:
        return NOT_RUN
    return f"{FULL_TIME:.0f}" if name == FULL else interval(costs.relative(work, name), "{:.0f}")


def _printed(printed: pd.DataFrame, name: str, column: str) -> str:
    return f"{printed.loc[name, column]:.0f}" if name in printed.index else ""
