"""One benchmark's figures as a file of JSON and as tables."""

from __future__ import annotations

import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import gemm, machine
from benchmarks.options import Setting
from pelt_core.cli.console import errors, show

RESULTS = Path(__file__).parent / "results"


def opening(name: str, setting: Setting) -> dict[str, Any]:
    """What every file of results begins with; the matrix products are measured now."""
    return {
        "benchmark": name,
        "command": _command(name, setting),
        "utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "repeats": setting.repeats,
        "machine": machine(setting.threads, setting.adapters_python),
        "gemm": gemm(setting.threads),
        "left_out": setting.left_out,
        "cells": [],
    }


def _command(name: str, setting: Setting) -> str:
    """What was called, without where this machine keeps the environment of `adapters`."""
    words = ["PYTHON" if word == setting.adapters_python else word for word in sys.argv[1:]]
    return shlex.join(["python", "-m", f"benchmarks.{name}", *words])


def close(results: dict[str, Any], setting: Setting) -> None:
    """Writes the results, and says in a table how they compare.

    What is published is complete and repeated; a try, a part or fewer repeats are only written where one asks for it.
    """
    target = setting.json or (RESULTS / f"{results['benchmark']}.json" if setting.complete else None)
    if target:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(_rounded(results), indent=1) + "\n")
        errors.print(f"written to {target}")
    for cell in results["cells"]:
        if cell["contenders"]:
            show(_told([_contender(row) for row in cell["contenders"]]), as_json=False, title=cell["name"])
    if parts := [{"step": cell["name"], **cell["shares"]} for cell in results["cells"] if "shares" in cell]:
        show(parts, as_json=False, title="Shares of the time")
    if comparisons := [_comparison(cell, row) for cell in results["cells"] for row in cell.get("comparisons", ())]:
        show(_told(comparisons), as_json=False, title="Compared")
    for line in results["left_out"]:
        errors.print(f"left out: {line}", style="yellow", markup=False)


def _contender(row: dict[str, Any]) -> dict[str, Any]:
    speed = next(name for name in row if name.endswith("_per_second"))
    memory, losses = row["peak_memory_bytes"], row["repeats"][-1].get("losses")
    return {
        "contender": row["name"],
        speed: row[speed]["median"],
        "least": row[speed]["least"],
        "most": row[speed]["most"],
        "peak_GB": memory and memory / 1e9,
        "last_loss": losses and losses[-1],
    }


def _comparison(cell: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    kind = "added_percent" if "added_percent" in row else "ratio"
    return {
        "cell": cell["name"],
        "of": row["of"],
        "against": row["against"],
        kind: row[kind]["median"],
        "least": row[kind]["least"],
        "most": row[kind]["most"],
        "to_reach": row.get("to_reach"),
        "loss_differs_by": row.get("loss_difference", {}).get("any_step"),
    }


def _told(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the columns that nothing is in."""
    return [{name: value for name, value in row.items() if any(r[name] is not None for r in rows)} for row in rows]


def _rounded(value: Any) -> Any:
    """Floats to six digits, as more of them say nothing and make every diff a long one."""
    match value:
        case float():
            return float(f"{value:.6g}")
        case dict():
            return {name: _rounded(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_rounded(inner) for inner in value]
    return value
