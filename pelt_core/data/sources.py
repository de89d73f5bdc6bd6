"""Where the rows of a pinned file come from: the mirror in `PELT_DATA`, else the Hugging Face hub, else an error.

A mirror is a folder with the files named in `pins.json`, each gzip'ed JSON Lines with the publisher's own fields.
"""

import gzip
import hashlib
import json
import os
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pelt_core.data.catalogue import DATASETS, Pin
from pelt_core.data.hub import address, hub_rows
from pelt_core.errors import PeltError

FROM_HUB = "from_hub.json"  # in a mirror: the sha256 of each file that was written from the hub, as it was written


class DataNotFound(PeltError, FileNotFoundError):
    """No place has the data; the message names each place tried and the mend."""


class PinMismatch(PeltError, ValueError):
    """Data that is not what was pinned; the message has what was expected and what was found."""


class MalformedRows(PeltError, ValueError):
    """Rows that cannot be read; the message has their number and the first few, by file and line."""


@dataclass(frozen=True)
class Located:
    """Rows as their publisher stores them, and the file or hub address that they came from."""

    rows: list[dict[str, Any]]
    where: str


def raw_rows(pin: Pin) -> Located:
    """The rows of a pinned file.

    Raises:
        DataNotFound: neither the mirror nor the hub has them.
        PinMismatch: the mirror's file has another sha256, or another number of rows, than its pin.
        MalformedRows: lines of the mirror's file are not JSON objects.
    """
    tried = []
    mirror = mirror_folder()
    if mirror is None:
        tried.append("the mirror: the environment variable PELT_DATA names no folder")
    elif (path := mirror / str(pin.file)).is_file():
        return Located(check_file(path.read_bytes(), str(path), recorded(mirror, pin)), str(path))
    else:
        tried.append(f"the mirror PELT_DATA={mirror}: there is no file {path}")
    if pin.hub is None:
        tried.append("the Hugging Face hub: no copy of the same rows is known")
    else:
        try:
            return Located(hub_rows(pin.hub), address(pin.hub))
        except Exception as error:  # what the hub's client and `datasets` raise has no common ground
            reason = str(error).partition("\n")[0]
            tried.append(f"the Hugging Face hub, {address(pin.hub)}: {type(error).__name__}: {reason}")
    raise DataNotFound(
        f"{pin.file} was found nowhere. Tried\n" + "".join(f"  - {place}\n" for place in tried) + _mend(pin)
    )


def mirror_folder() -> Path | None:
    """The folder that `PELT_DATA` names, if it names one."""
    named = os.environ.get("PELT_DATA")
    return Path(named).expanduser() if named else None


def recorded(mirror: Path, pin: Pin) -> Pin:
    """`pin` with the sha256 that was noted when the mirror's file was written from the hub, if it was.

    Raises:
        MalformedRows: the mirror's note cannot be read.
    """
    note = mirror / FROM_HUB
    try:
        noted = json.loads(note.read_text(encoding="utf-8")) if note.is_file() else {}
        return replace(pin, sha256=noted.get(pin.file, pin.sha256))
    except (ValueError, AttributeError) as error:
        raise MalformedRows(f"{note} must be a JSON object of sha256 by file: {error}; make the mirror again") from None


def unchanged(pin: Pin) -> bool:
    """Whether the mirror's file, if it has the one that is pinned, is as pinned; parses no row."""
    mirror = mirror_folder()
    if mirror is None or pin.file is None or not (path := mirror / pin.file).is_file():
        return True
    return recorded(mirror, pin).sha256 in (None, hashlib.sha256(path.read_bytes()).hexdigest())


def check_file(stored: bytes, where: str, pin: Pin) -> list[dict[str, Any]]:
    """The rows of a mirror's file; where the pin has no sha256, any will do.

    Raises:
        PinMismatch: it has another sha256, or another number of rows, than its pin.
        MalformedRows: lines are not JSON objects.
    """
    found = hashlib.sha256(stored).hexdigest()
    rows, problems = _parse(stored, where)
    if (found, len(rows) + len(problems)) != (pin.sha256 or found, pin.file_rows):
        raise PinMismatch(
            f"{where} is not the pinned file: expected {pin.file_rows} rows and sha256 {pin.sha256 or 'any'}, found "
            f"{len(rows) + len(problems)} rows and sha256 {found}. Replace it by {_origin(pin)}"
            + "".join(f"\n  - {problem}" for problem in problems[:5])
        )
    if problems:
        raise MalformedRows(describe(problems))
    return rows


def _origin(pin: Pin) -> str:
    return f"a file made from {pin.source}" if pin.source else "one from the hub, with `pelt data mirror FOLDER`"


def _mend(pin: Pin) -> str:
    partial = [
        f"{card.name}/{split} ({part.file_rows} of {part.whole_rows} rows)"
        for card in DATASETS.values()
        if pin in card.splits.values()
        for split, part in card.splits.items()
        if part.whole_rows == pin.file_rows
    ]
    return (
        "Mend: make a mirror where there is a network, with `pelt data mirror FOLDER`, copy it here, and name it: "
        f"export PELT_DATA=FOLDER. It holds FOLDER/{pin.file}, {f'sha256 {pin.sha256}, ' if pin.sha256 else ''}"
        f"{_origin(pin)}. "
        + (f"PARTIAL files of it are splits of their own: {', '.join(partial)}. " if partial else "")
        + "The datasets 'arithmetic', 'puzzles' and 'paraphrase' need neither mirror nor hub."
    )


def _parse(stored: bytes, where: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The JSON objects of a gzip'ed JSON Lines file, and what is wrong with each of its other lines."""
    try:
        lines = gzip.decompress(stored).decode("utf-8").removesuffix("\n").split("\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        return [], [f"{where}: not gzip'ed UTF-8 text ({error})"]
    rows, problems = [], []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            problems.append(f"{where}, line {number}: not JSON ({error})")
            continue
        if isinstance(row, dict):
            rows.append(row)
        else:
            problems.append(f"{where}, line {number}: must be a JSON object, and is {line[:40]!r}")
    return rows, problems


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not a finite number")


def describe(problems: list[str], shown: int = 5) -> str:
    """The number of problems, and the first few of them, a line each."""
    more = f"\n  - and {len(problems) - shown} more" if len(problems) > shown else ""
    return f"{len(problems)} rows cannot be read:" + "".join(f"\n  - {problem}" for problem in problems[:shown]) + more
