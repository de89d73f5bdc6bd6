"""The tables of the page on speed."""

from __future__ import annotations

import pandas as pd
from IPython.display import Markdown

from pelt_core.report import tables
from pelt_core.report.speed.goals import goals
from pelt_core.report.speed.numbers import gigabytes, percent, rate, short, spread, tiny
from pelt_core.report.speed.results import Recorded


def table(frame: pd.DataFrame, name: str, caption: str) -> Markdown:
    """A captioned table, see `pelt_core.report.tables.table`; of what is not recorded yet, a sentence that says so."""
    return Markdown(f"{caption}: *not recorded yet*.") if frame.empty else tables.table(frame.fillna(""), name, caption)


def aims(recorded: Recorded) -> pd.DataFrame:
    """Every goal: what this library has, what the peer has, and whether it is reached."""
    return pd.DataFrame(
        {
            "What": goal.what,
            "Ours": goal.ours,
            "Peer": goal.peer,
            "Times as fast": goal.ratio,
            "To reach": goal.asked,
            "Verdict": "reached" if goal.reached else "**missed**",
        }
        for goal in goals(recorded)
    )


def training(recorded: Recorded) -> pd.DataFrame:
    """Memory, share of what the processor can do, and how far apart the losses are, side by side."""
    return pd.DataFrame(
        {
            "What": one.what,
            "Peer": one.peer,
            "Peak memory": gigabytes(one.of["peak_memory_bytes"]),
            "Peer's": gigabytes(one.against["peak_memory_bytes"]),
            "Share of the peak": percent(one.of["gemm_share"]["median"]),
            "Peer's share": percent(one.against["gemm_share"]["median"]),
            "Losses apart, nats": "" if one.loss is None else tiny(one.loss),
        }
        for one in recorded.comparisons
        if one.benchmark == "training"
    )


def breakdown(recorded: Recorded) -> pd.DataFrame:
    """The share of each kind of operation in the time of a step, and how fast the matrix products among them run."""
    cells = recorded.cells("breakdown")
    peaks = recorded.files["breakdown"]["gemm"] if cells else {}
    return pd.DataFrame(
        {
            "What": cell["name"],
            **{part[0].upper() + part[1:]: percent(share) for part, share in cell["shares"].items()},
            "Speed of the products": f"{short(cell['product_gflops'])} GFLOP/s",
            "Of the peak": percent(cell["product_gflops"] / peaks[f"peak_{cell['precision']}"]),
        }
        for cell in cells
    )


def decoding(recorded: Recorded) -> pd.DataFrame:
    """All ways of answering questions: their speed, what it means for 100 questions, and the memory."""
    return pd.DataFrame(
        {
            "By": one["name"],
            "Speed": rate(one),
            "Time for 100": f"{short(one['seconds_for_100']['median'])} s",
            "Peak memory": gigabytes(one["peak_memory_bytes"]),
        }
        for cell in recorded.cells("decoding")
        for one in cell["contenders"]
    )


def added(recorded: Recorded) -> pd.DataFrame:
    """What each method adds to the time of the bare backbone, in percent, library by library."""
    cells = recorded.cells("inference_overhead")
    methods = dict.fromkeys(row["of"] for cell in cells for row in cell["comparisons"])
    return pd.DataFrame(
        {"Method": method}
        | {one.cell["name"]: spread(one.median, one.least, one.most) for one in recorded.added(method)}
        for method in methods
    )
