"""Does a recorded number hold? Carry out the run again and compare."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from pelt_core.errors import PeltError
from pelt_core.study.ledger import Ledger
from pelt_core.study.run import Run
from pelt_core.study.workers import Execute, Outcome, execute, run_study

SAME_WORK = ("git_commit", "versions", "platform", "device", "threads")
MEASURED = ("output", "loss", "label_log_likelihoods", "cloze_log_likelihoods")
"""What a record holds that the model gave, and all else in it follows from."""
LOSS_TOLERANCE = 0.02
"""Nats, of an answer token or a text, that a mean loss may differ by with other code or on another machine."""

Record = tuple[dict[str, Any], list[dict[str, Any]]]


class UnknownKey(PeltError, LookupError):
    """No recorded run has this key."""


@dataclass(frozen=True)
class Verdict:
    """What became of a repeated run.

    Attributes:
        run: which run.
        exact: whether the two had to agree bit for bit, as all of `SAME_WORK` was the same; else within tolerance.
        differences: in words; none if the recorded numbers hold.
    """

    run: Run
    exact: bool
    differences: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether the recorded numbers hold."""
        return not self.differences


def chosen(ledger: Ledger, keys: Sequence[str]) -> list[Run]:
    """The recorded runs whose keys begin like these.

    Raises:
        UnknownKey: a key is not recorded, or several begin like it.
    """
    recorded = {row["key"]: Run.from_dict(row["run"]) for row in ledger.rows()}
    runs = []
    for given in keys:
        found = [key for key in recorded if key.startswith(given)]
        if len(found) != 1:
            names = ", ".join(found or recorded) or "none"
            what = f"{len(found)} runs begin with" if found else "there is no run"
            raise UnknownKey(f"{what} {given!r} in {ledger.folder}; {'they are' if found else 'recorded are'}: {names}")
        runs.append(recorded[found[0]])
    return runs


def verify(
    runs: Sequence[Run],
    ledger: Ledger,
    workers: int = 1,
    report: Callable[[Outcome], None] = lambda outcome: None,
    execute: Execute = execute,
) -> list[Verdict]:
    """Carry out recorded runs again, each with the threads it had, and compare; the ledger is not touched.

    Args:
        runs: recorded runs.
        ledger: where they are recorded.
        workers: how many at a time.
        report: called with the outcome of every repetition, as it comes.
        execute: what carries out a run.

    Raises:
        MissingRuns: a run is not recorded.
    """
    rows = sorted(ledger.read(runs), key=lambda row: row["provenance"]["threads"])
    verdicts = []
    with tempfile.TemporaryDirectory(prefix="pelt-verify-") as folder:
        scratch = Ledger(folder)
        for threads, group in groupby(rows, key=lambda row: row["provenance"]["threads"]):
            batch = [Run.from_dict(row["run"]) for row in group]
            for outcome in run_study(batch, scratch, workers, threads, report, execute):
                verdicts.append(_judged(outcome, ledger, scratch))
    return verdicts


def _judged(outcome: Outcome, ledger: Ledger, scratch: Ledger) -> Verdict:
    run = outcome.run
    if outcome.state == "failed":
        return Verdict(run, False, (f"the repetition failed: {outcome.error}",))
    recorded, repeated = ((book.read([run])[0], book.items(run)) for book in (ledger, scratch))
    exact = all(recorded[0]["provenance"][name] == repeated[0]["provenance"][name] for name in SAME_WORK)
    return Verdict(run, exact, tuple((bitwise if exact else within_tolerance)(recorded, repeated)))


def bitwise(recorded: Record, repeated: Record) -> list[str]:
    """The differences of two records of a run by one code on one machine: loss curve, losses, outputs, likelihoods."""
    (row, items), (row_again, items_again) = recorded, repeated
    found = _differing_fields(row, row_again, ("status", "trainable_parameters", "loss_curve", "metrics"))
    if len(items) != len(items_again):
        return [*found, f"{len(items)} items, now {len(items_again)}"]
    for field in MEASURED:
        differing = sum(item.get(field) != again.get(field) for item, again in zip(items, items_again, strict=True))
        if differing:
            found.append(f"{field.replace('_', ' ')} of {differing} of {len(items)} items")
    return found


def within_tolerance(recorded: Record, repeated: Record) -> list[str]:
    """The differences of two records of a run by different code or machines that rounding does not explain.

    A mean loss may differ by `LOSS_TOLERANCE`, any other metric by two standard errors of a share, sqrt(p (1 - p) / n)
    with p = (right + 1) / (n + 2), which is not 0 where every answer is wrong.
    """
    (row, items), (row_again, _) = recorded, repeated
    found = _differing_fields(row, row_again, ("status", "trainable_parameters"))
    for metric, values in row["metrics"].items():
        for name, value in values.items():
            again = row_again["metrics"].get(metric, {}).get(name, math.nan)
            tolerance = LOSS_TOLERANCE if metric.endswith("loss") else _two_errors(value, name, items)
            if not abs(again - value) <= tolerance:
                what, digits = f"{metric.replace('_', ' ')} on {name}", 4 if metric.endswith("loss") else 3
                found.append(f"{what}: {value:.{digits}f}, now {again:.{digits}f} (tolerance {tolerance:.3f})")
    return found


def _two_errors(share: float, name: str, items: Sequence[dict[str, Any]]) -> float:
    n = sum(item["set"] == name for item in items)
    p = (max(share, 0.0) * n + 1) / (n + 2)  # a correlation may be negative
    return 2 * math.sqrt(p * (1 - p) / n)


def _differing_fields(row: dict[str, Any], again: dict[str, Any], names: Sequence[str]) -> list[str]:
    return [f"{name.replace('_', ' ')} differs" for name in names if row.get(name) != again.get(name)]
