"""Where the rows of a pinned file come from: the mirror in `PELT_DATA`, else the Hugging Face hub, else an error.

A mirror is a folder with the files named in `pins.json`, each gzip'ed JSON Lines with the publisher's own fields.
"""

import gzip
import hashlib
import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pelt_core.data.catalogue import Pin
from pelt_core.errors import PeltError


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
    mirror = os.environ.get("PELT_DATA")
    if not mirror:
        tried.append("the mirror: the environment variable PELT_DATA names no folder")
    elif (path := Path(mirror).expanduser() / str(pin.file)).is_file():
        return Located(check_file(path.read_bytes(), str(path), pin), str(path))
    else:
        tried.append(f"the mirror PELT_DATA={mirror}: there is no file {path}")
    if pin.hub is None:
        tried.append("the Hugging Face hub: no copy with the same fields is known")
    else:
        try:
            return _from_hub(pin.hub)
        except (OSError, ValueError) as error:
            address = "/".join(pin.hub.values())
            tried.append(f"the Hugging Face hub, {address}: {type(error).__name__}: {str(error).splitlines()[0]}")
    raise DataNotFound(
        f"{pin.file} was found nowhere. Tried\n"
        + "".join(f"  - {place}\n" for place in tried)
        + "Mend: make a mirror where there is a network, with `pelt data mirror FOLDER`, copy it here, and name it: "
        f"export PELT_DATA=FOLDER. It holds FOLDER/{pin.file}, sha256 {pin.sha256}, made from {pin.source}. "
        "The dataset 'arithmetic' needs neither mirror nor hub."
    )


def check_file(stored: bytes, where: str, pin: Pin) -> list[dict[str, Any]]:
    """The rows of a mirror's file.

    Raises:
        PinMismatch: it has another sha256, or another number of rows, than its pin.
        MalformedRows: lines are not JSON objects.
    """
    found = hashlib.sha256(stored).hexdigest()
    rows, problems = _parse(stored, where)
    if (found, len(rows) + len(problems)) != (pin.sha256, pin.file_rows):
        raise PinMismatch(
            f"{where} is not the pinned file: expected {pin.file_rows} rows and sha256 {pin.sha256}, found "
            f"{len(rows) + len(problems)} rows and sha256 {found}. Replace it by a file made from {pin.source}"
            + "".join(f"\n  - {problem}" for problem in problems[:5])
        )
    if problems:
        raise MalformedRows(describe(problems))
    return rows


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


def _from_hub(hub: dict[str, str]) -> Located:
    import datasets  # here, as its import takes seconds and a mirror does without it

    rows = datasets.load_dataset(hub["id"], hub["config"], split=hub["split"], revision=hub["revision"])
    return Located([dict(row) for row in rows], f"{hub['id']} ({hub['config']}, {hub['split']})")


def describe(problems: list[str], shown: int = 5) -> str:
    """The number of problems, and the first few of them, a line each."""
    more = f"\n  - and {len(problems) - shown} more" if len(problems) > shown else ""
    return f"{len(problems)} rows cannot be read:" + "".join(f"\n  - {problem}" for problem in problems[:shown]) + more
