"""Making a mirror: each pinned file from its publisher, or from the hub, in one form.

A file from its publisher must have the pinned sha256. One from the hub has the hub's own fields and thus other bytes:
its rows are counted, its sha256 as written goes into the mirror's `from_hub.json`, and it is held to that from then on.
What is studied is the same either way, as the prepared rows have a pin of their own.
"""

import bz2
import gzip
import hashlib
import io
import json
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from typing import Any

from pelt_core.data.catalogue import DATASETS, Pin
from pelt_core.data.hub import address, hub_rows
from pelt_core.data.sources import FROM_HUB, DataNotFound, MalformedRows, PinMismatch, check_file, recorded
from pelt_core.writing import draft


class NotPublished(DataNotFound):
    """A file that no publisher and no hub has in this form; the message says what it was made from."""


@dataclass(frozen=True)
class Made:
    """A file of a mirror.

    `state` is "there", "from its publisher", "from the hub", "not published" (to be copied from another mirror) or
    "failed", and `reason` says why it is one of the last two.
    """

    file: str
    state: str
    reason: str = ""


def make_mirror(folder: Path, fetch: Callable[[str], bytes] | None = None) -> Iterator[Made]:
    """Write every pinned file that `folder` lacks, and check those that it has; one that fails does not stop the rest.

    Args:
        folder: the mirror, to be named by the environment variable PELT_DATA afterwards.
        fetch: the bytes at a URL; by default they are downloaded.
    """
    for pinned in pinned_files():
        try:
            yield Made(str(pinned.file), _make(folder, pinned, fetch or _download))
        except NotPublished as error:
            yield Made(str(pinned.file), "not published", str(error))
        except (OSError, PinMismatch, MalformedRows) as error:  # DataNotFound, or a place where nothing can be written
            yield Made(str(pinned.file), "failed", str(error))


def pinned_files() -> list[Pin]:
    """The pins that have a file in a mirror."""
    return [pinned for card in DATASETS.values() for pinned in card.splits.values() if pinned.file]


def published_rows(url: str, content: bytes) -> list[dict[str, Any]]:
    """The rows of a publisher's file: a JSON list, JSON Lines, the list at `#key` of an object, or HellaSwag as text.

    HellaSwag's text has six lines an item: the beginning, the number of the right ending, and the four endings.
    """
    address, _, key = url.partition("#")
    if address.endswith(".txt.bz2"):
        lines = bz2.decompress(content).decode("utf-8").splitlines()
        items = (lines[at : at + 6] for at in range(0, len(lines), 6))
        return [{"query": query, "gold": int(gold), "choices": choices} for query, gold, *choices in items]
    text = content.decode("utf-8")
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if key:
        return list(document[key])
    return document if isinstance(document, list) else [json.loads(line) for line in text.split("\n") if line.strip()]


def pack(rows: Iterable[dict[str, Any]]) -> bytes:
    """Rows as the mirror stores them: JSON Lines, gzip'ed at level 9 without name and time."""
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    packed = io.BytesIO()
    with gzip.GzipFile("", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as stream:
        stream.write(lines.encode("utf-8"))
    return packed.getvalue()


def _make(folder: Path, pinned: Pin, fetch: Callable[[str], bytes]) -> str:
    path, source = folder / str(pinned.file), str(pinned.source)
    if path.is_file():
        check_file(path.read_bytes(), str(path), recorded(folder, pinned))
        return "there"
    if source.startswith("https://"):
        stored = _published(source, fetch)
        check_file(stored, source, pinned)
        _write(path, stored)
        return "from its publisher"
    if pinned.hub is None:
        raise NotPublished(f"copy it from another mirror (sha256 {pinned.sha256}); it was made from {source}")
    stored = _from_hub(pinned.hub)
    check_file(stored, address(pinned.hub), replace(pinned, sha256=None))
    noted = json.loads((folder / FROM_HUB).read_text(encoding="utf-8")) if (folder / FROM_HUB).is_file() else {}
    noted[str(pinned.file)] = hashlib.sha256(stored).hexdigest()
    _write(folder / FROM_HUB, json.dumps(noted, indent=1, sort_keys=True).encode())  # first, lest a stop part the two
    _write(path, stored)
    return "from the hub"


def _published(source: str, fetch: Callable[[str], bytes]) -> bytes:
    try:
        return pack(row for url in source.split(" + ") for row in published_rows(url, fetch(url.partition("#")[0])))
    except (OSError, HTTPException) as error:
        raise DataNotFound(
            f"{source} cannot be fetched: {error}. Mend: run this where there is a network, and copy the folder"
        ) from None
    except (ValueError, LookupError, TypeError) as error:
        raise MalformedRows(f"{source} is not what its publisher stored there: {error}") from None


def _from_hub(hub: dict[str, str]) -> bytes:
    try:
        return pack(hub_rows(hub))
    except Exception as error:  # what the hub's client and `datasets` raise has no common ground
        raise DataNotFound(
            f"the hub's {address(hub)} cannot be had: {type(error).__name__}: {error}. Mend: run this where there is "
            "a network, and copy the folder"
        ) from error


def _write(path: Path, stored: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with draft(path) as unfinished:
        unfinished.write_bytes(stored)


def _download(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:
        content: bytes = answer.read()
    return content
