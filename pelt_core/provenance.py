"""Where a number comes from: code, versions, machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import time
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent
LIBRARIES = ("torch", "transformers", "tokenizers", "datasets", "accelerate", "numpy", "safetensors")


def collect() -> dict[str, Any]:
    """Provenance of a run that this process has just finished, as JSON types.

    ``git_commit`` and ``git_dirty`` describe the code of the package when `source` was first called in this process,
    None outside of a git checkout; ``threads`` are those of one torch operation.
    """
    import torch

    return {
        **source(),
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": f"cuda: {torch.cuda.get_device_name()}" if torch.cuda.is_available() else f"cpu: {_processor()}",
        "threads": torch.get_num_threads(),
        "finished_utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


@cache
def source() -> dict[str, Any]:
    """Commit of the package's code, and whether that code differs from it.

    Cached: a long-lived process calls it once at its start, so that a commit made while it runs is not credited with
    the numbers of the code before. Results and texts outside of the package do not make it dirty.
    """
    if _git("ls-files", "--error-unmatch", "provenance.py") is None:  # installed, or inside somebody else's repository
        return {"git_commit": None, "git_dirty": None}
    return {"git_commit": _git("rev-parse", "HEAD"), "git_dirty": bool(_git("status", "--porcelain", "--", "."))}


def _git(*arguments: str) -> str | None:
    """The output of a git command in the package's folder, None if it fails or there is no git."""
    try:
        done = subprocess.run(["git", *arguments], cwd=PACKAGE, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _processor() -> str:
    """The processor's model name; what `platform.processor` leaves empty on Linux."""
    if os.path.exists("/proc/cpuinfo"):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
