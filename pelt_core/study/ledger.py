"""The ledger: one JSON file a finished run, its per-item records beside it, both named by the run's key."""

from __future__ import annotations

import gzip
import hashlib
import json
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pelt_core.errors import PeltError
from pelt_core.study.run import Run
from pelt_core.writing import draft

ROW_FIELDS = ("key", "run", "status", "metrics", "items_sha256", "provenance")
STATUSES = ("finished", "diverged")


class BadRow(PeltError, ValueError):
    """A row does not describe its run; it is not written."""


class MissingRuns(PeltError, LookupError):
    """Results were asked for that nobody has recorded yet."""


class WriteFailed(PeltError, OSError):
    """A row could not be written; the ledger is as it was before."""


class DamagedRow(UserWarning):
    """A recorded row could not be trusted and was set aside."""


class Ledger:
    """A folder of finished runs.

    ``<key>.json`` is the row of a run, ``<key>.items.jsonl.gz`` its per-item records. Both are written to a temporary
    name and moved into place, the row last: a row that is there is whole, and a killed process leaves nothing behind
    that counts. Two machines can fill copies of a ledger and merge them by copying files.

    Args:
        folder: made when the first row is written.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def row_path(self, key: str) -> Path:
        """Where the row of the run with this key is, or would be."""
        return self.folder / f"{key}.json"

    def items_path(self, key: str) -> Path:
        """Where its per-item records are, or would be."""
        return self.folder / f"{key}.items.jsonl.gz"

    def has(self, run: Run) -> bool:
        """Whether the run is recorded, whole. A damaged row is set aside (`DamagedRow`) and does not count."""
        return self._row(run.key) is not None

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every recorded row, by key; damaged ones are set aside and left out."""
        for path in sorted(self.folder.glob("*.json")):
            row = self._row(path.name.removesuffix(".json"))
            if row is not None:
                yield row

    def recorded(self, runs: Iterable[Run]) -> dict[str, dict[str, Any]]:
        """Key -> row of those of these runs that are recorded, in their order; damaged ones are set aside."""
        return {run.key: row for run in runs if (row := self._row(run.key)) is not None}

    def read(self, runs: Iterable[Run], command: str = "pelt run STUDY --preset PRESET") -> list[dict[str, Any]]:
        """The rows of exactly these runs, in their order.

        Args:
            runs: what to read.
            command: the shell command that makes these runs, for the error.

        Raises:
            MissingRuns: names every run that is not recorded, and the command.
        """
        runs = list(runs)
        rows = self.recorded(runs)
        missing = [run for run in runs if run.key not in rows]
        if missing:
            names = "\n".join(f"  {run}" for run in missing)
            raise MissingRuns(
                f"{len(missing)} of {len(runs)} runs are not in {self.folder}:\n{names}\n"
                f"`{command} --ledger {self.folder}` makes them."
            )
        return [rows[run.key] for run in runs]

    def items(self, run: Run) -> list[dict[str, Any]]:
        """The per-item records of a recorded run.

        Raises:
            MissingRuns: the run is not recorded.
        """
        self.read([run])
        return [json.loads(line) for line in gzip.decompress(self.items_path(run.key).read_bytes()).splitlines()]

    def write(self, row: dict[str, Any], items: Sequence[dict[str, Any]]) -> None:
        """Record a finished run: the items file first, the row last, each moved into place whole.

        Args:
            row: with the `ROW_FIELDS` except ``items_sha256``, which is added here.
            items: the per-item records; of a diverged run there are none.

        Raises:
            BadRow: the row does not fit its run, or the run is recorded already.
            WriteFailed: the disk is full or not writable.
        """
        try:
            lines = "".join(json.dumps(item, sort_keys=True, allow_nan=False) + "\n" for item in items).encode()
            row = {**row, "items_sha256": hashlib.sha256(lines).hexdigest()}
            text = json.dumps(row, indent=1, sort_keys=True, allow_nan=False) + "\n"
        except ValueError as error:
            raise BadRow(f"this row cannot be recorded, write a missing number as None: {error}") from error
        if complaint := _complaint(row, row.get("key", "")):
            raise BadRow(f"this row cannot be recorded: {complaint}")
        key = row["key"]
        if self.row_path(key).exists():
            raise BadRow(f"run {key} is already recorded in {self.folder}; delete its two files to record it anew")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for path, content in (
                (self.items_path(key), gzip.compress(lines, mtime=0)),
                (self.row_path(key), text.encode()),
            ):
                with draft(path) as unfinished:
                    unfinished.write_bytes(content)
        except OSError as error:
            raise WriteFailed(
                f"run {key} could not be written to {self.folder}: {error.strerror or error}. The ledger is as it was; "
                "make room or choose another folder with --ledger, then run the same command again."
            ) from error

    def sweep(self, key: str) -> None:
        """Delete the unfinished files that a killed process left for this run. Only for the holder of its claim."""
        for unfinished in self.folder.glob(f".{key}.*.draft"):
            unfinished.unlink()

    def _row(self, key: str) -> dict[str, Any] | None:
        """The row of this key; None if there is none, or after setting a damaged one aside."""
        try:
            row = json.loads(self.row_path(key).read_bytes())
            complaint = _complaint(row, key) or self._items_complaint(row)
        except FileNotFoundError:
            return None
        except ValueError as error:
            complaint = f"it is not JSON ({error})"
        if not complaint:
            return row
        aside = [_set_aside(path) for path in (self.row_path(key), self.items_path(key))]
        names = ", ".join(path.name for path in aside if path) or "another process says"
        warnings.warn(
            f"{self.row_path(key)} is damaged: {complaint}. Set aside as {names}; the run counts as not done.",
            DamagedRow,
            stacklevel=3,
        )
        return None

    def _items_complaint(self, row: dict[str, Any]) -> str:
        """What is wrong with the items file of a row, or nothing."""
        path = self.items_path(row["key"])
        try:
            found = hashlib.sha256(gzip.decompress(path.read_bytes())).hexdigest()
        except FileNotFoundError:
            return f"its items file {path.name} is missing"
        except (OSError, EOFError, ValueError) as error:
            return f"its items file {path.name} cannot be read ({error})"
        return "" if found == row["items_sha256"] else f"its items file {path.name} is not the one it was written with"


def _complaint(row: Any, key: str) -> str:
    """What keeps `row` from being the row of the run with this key, or nothing."""
    if not isinstance(row, dict):
        return "it is not a JSON object"
    lacking = [field for field in ROW_FIELDS if field not in row]
    if lacking:
        return f"it lacks {', '.join(lacking)}"
    try:
        actual = Run.from_dict(row["run"]).key
    except ValueError as error:
        return str(error)
    if not (actual == row["key"] == key):
        return f"its run has the key {actual}, it says {row['key']}, and its file is named {key}"
    if row["status"] not in STATUSES:
        return f"its status {row['status']!r} is none of {', '.join(STATUSES)}"
    if row["status"] == "diverged" and row["metrics"]:
        return "a diverged run has no metrics"
    return ""


def _set_aside(path: Path) -> Path | None:
    """Rename to the first free ``<name>.corrupt``, ``<name>.corrupt.2``, ...; nothing is overwritten.

    None if there is no such file, or another process has just set it aside.
    """
    aside, number = path.with_name(f"{path.name}.corrupt"), 2
    while aside.exists():
        aside, number = path.with_name(f"{path.name}.corrupt.{number}"), number + 1
    try:
        return path.rename(aside)
    except FileNotFoundError:
        return None
