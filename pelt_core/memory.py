"""The most memory that a piece of work took."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

_PROCESS = Path("/proc/self")  # on Linux


def forget_peak() -> None:
    """Starts the measurement of the peak anew, as one process may do many things."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    elif _PROCESS.exists():
        (_PROCESS / "clear_refs").write_text("5")


def peak_memory() -> int:
    """Bytes: the most that torch held on the accelerator, or the process in main memory, since the measurement began.

    Where the system is not Linux the measurement of a process began with it.
    """
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    if _PROCESS.exists():
        peak = next(line for line in (_PROCESS / "status").read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) * 1024
    import resource  # not there on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
