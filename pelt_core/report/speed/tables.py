"""The tables of the page on speed."""

from __future__ import annotations

import pandas as pd
from IPython.display import Markdown

from pelt_core.report import tables
from pelt_core.report.speed.goals import goals
from pelt_core.report.speed.numbers import gigabytes, percent, rate, short, spread
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


def contenders(recorded: Recorded, benchmark: str) -> pd.DataFrame:
    """Everything that took turns in a benchmark: speed, memory, and share of what the processor can do."""
    return pd.DataFrame(
        {
            "What": cell["name"],
            "By": one["name"],
            "Speed": rate(one),
            "Peak memory": gigabytes(one["peak_memory_bytes"]),
        }
        | ({"Time for 100": f"{short(one['seconds_for_100']['median'])} s"} if "seconds_for_100" in one else {})
        | ({"Share of the peak": percent(one["gemm_share"]["median"])} if "gemm_share" in one else {})
        for cell in recorded.cells(benchmark)
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
