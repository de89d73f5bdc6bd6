"""Measurements -> figures: medians, and ratios of contenders that worked side by side."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.harness import Measured
from pelt_core.errors import PeltError


class UnequalWork(PeltError, RuntimeError):
    """Two contenders were not given the same work, so that their times say nothing."""


def spread(values: Sequence[float]) -> dict[str, float]:
    """The median, the least and the most."""
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def contender(name: str, measured: Measured, unit: str) -> dict[str, Any]:
    """All that is recorded of one contender; `speed` is in units of work (`unit`: "tokens", "questions") a second."""
    peaks = [turn["peak_memory_bytes"] for turn in measured.repeats if turn["peak_memory_bytes"]]
    return {
        "name": name,
        **measured.facts,
        f"{unit}_per_second": spread(speeds(measured)),
        "seconds": spread([turn["seconds"] for turn in measured.repeats]),
        "peak_memory_bytes": max(peaks, default=None),
        "warm_up": measured.warm_up,
        "repeats": measured.repeats,
    }


def without_texts(row: dict[str, Any]) -> dict[str, Any]:
    """The same without what was written about the data's questions, which is not for recording."""
    warm_up, *turns = (
        {name: value for name, value in turn.items() if name != "written"} for turn in (row["warm_up"], *row["repeats"])
    )
    return {**row, "warm_up": warm_up, "repeats": turns}


def speeds(measured: Measured) -> list[float]:
    """Work a second in each repeat."""
    return [turn["work"] / turn["seconds"] for turn in measured.repeats]


def ratio(ours: Measured, peer: Measured) -> dict[str, float]:
    """How many times as fast ours was: of the ratios of each repeat the median, the least and the most."""
    return spread([a / b for a, b in zip(speeds(ours), speeds(peer), strict=True)])


def added(with_method: Measured, bare: Measured) -> dict[str, float]:
    """What the method added to the time of the same work, in percent."""
    pairs = zip(speeds(bare), speeds(with_method), strict=True)
    return spread([100 * (without / with_ - 1) for without, with_ in pairs])


def loss_difference(ours: Measured, peer: Measured) -> dict[str, float]:
    """The largest difference of two losses of the same step: of the first step, and of any.

    Raises:
        UnequalWork: the numbers of tokens differ in some turn, so that the rows did.

    """
    turns = list(zip((ours.warm_up, *ours.repeats), (peer.warm_up, *peer.repeats), strict=True))
    if unequal := [(a["work"], b["work"]) for a, b in turns if a["work"] != b["work"]]:
        raise UnequalWork(f"tokens a turn, ours and the peer's: {unequal}")
    differences = [abs(x - y) for a, b in turns for x, y in zip(a["losses"], b["losses"], strict=True)]
    return {"first_step": differences[0], "any_step": max(differences)}


def gemm_share(measured: Measured, peak_gflops: float) -> dict[str, float]:
    """Floating point operations a second over those of the fastest matrix product, as a fraction.

    The operations are those that the warm-up counted, a token; a repeat's share is that times its tokens a second.
    """
    flops_per_token = measured.warm_up["flops"] / measured.warm_up["work"]
    return spread([speed * flops_per_token / peak_gflops / 1e9 for speed in speeds(measured)])
