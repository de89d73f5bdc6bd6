"""What the seeds of any study here cannot say."""

from __future__ import annotations

from pelt_core.report import words
from pelt_core.study import statistics


def of_seeds(results: words.Recorded) -> str:
    """How far the seeds that are recorded carry an interval and a verdict."""
    found = words.seeds(results)
    if len(found) < 2:
        return (
            "**Seeds.** With fewer than two, no interval knows how much a result moves from seed to seed: there is no "
            "p-value and no verdict."
        )
    simulated = ""
    if len(found) in statistics.COVERAGE:
        least, most = (f"{100 * share:.0f}" for share in statistics.COVERAGE[len(found)])
        simulated = (
            f" In simulations from seeds that are all alike to seeds that differ far more than items do, such "
            f"intervals, meant to cover the truth in {100 * statistics.LEVEL:.0f} %, covered it in {least} to {most} % "
            "of the repetitions."
        )
    return (
        f"**Seeds.** There are {len(found)}. So few tell little of how much seeds differ, and intervals allow for "
        f"that: the more of a mean's uncertainty comes from the seeds, the wider they are.{simulated} P-values are "
        "those of the same intervals, and so a real difference may well stay undecided."
    )
