"""Where the figures of the page on speed come from, and what follows from that."""

from __future__ import annotations

import statistics
from typing import Any

import pandas as pd
from IPython.display import Markdown

from pelt_core.report.commits import commit
from pelt_core.report.speed.numbers import gigabytes, short
from pelt_core.report.speed.results import Recorded
from pelt_core.report.words import counted


def measurements(recorded: Recorded) -> pd.DataFrame:
    """A line a benchmark: the command, when and how often it measured, and of which code."""
    return pd.DataFrame(
        {
            "Command": f"`{file['command']}`",
            "Recorded": file["utc"][:10],
            "Repeats": str(file["repeats"]),
            "Code": commit(file["machine"]),
        }
        for file in recorded.files.values()
    )


def machine(recorded: Recorded) -> Markdown:
    """Processor, memory, threads and versions, and the speed of its matrix products."""
    lines = [_machine(file) for file in recorded.files.values()]
    if not lines:
        return Markdown("The machine is *not recorded yet*.")
    said = {name: " or ".join(dict.fromkeys(line[name] for line in lines)) for name in lines[0]}
    return Markdown("\n".join(f"- **{name}**: {value}" for name, value in said.items()))


def _machine(file: dict[str, Any]) -> dict[str, str]:
    about = file["machine"]
    return {
        "Processor": f"{about['processor']}, {counted(about['cores'], 'core')}",
        "Memory": gigabytes(about["memory_bytes"]),
        "Threads": f"{about['threads']} in each process",
        "Versions": ", ".join(f"{name} {version}" for name, version in about["versions"].items()),
    }


def formats(recorded: Recorded) -> Markdown:
    """How fast this processor multiplies bf16 matrices, against fp32 ones, and what that means."""
    found = [file["gemm"] for file in recorded.files.values()]
    if not found:
        return Markdown("How fast the processor multiplies matrices is *not recorded yet*.")
    fp32, bf16 = (statistics.median(gemm[f"peak_{name}"] for gemm in found) for name in ("fp32", "bf16"))
    said = (
        f"The fastest matrix product measured here ran at {short(fp32)} GFLOP/s in fp32 and at {short(bf16)} in bf16. "
    )
    if bf16 < fp32:
        said += (
            "So bf16 is the slower format on this processor, as on all without matrix units for it: a bf16 backbone "
            "takes half the memory here, and no less time."
        )
    else:
        said += "So a bf16 backbone saves time on this processor as well as memory."
    return Markdown(said)
