"""Making a mirror: each pinned file from its publisher, in one form, kept only if its sha256 is the pin's."""

import gzip
import io
import json
import os
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from pelt_core.data.catalogue import DATASETS, Pin
from pelt_core.data.sources import DataNotFound, check_file


def make_mirror(folder: Path, fetch: Callable[[str], bytes] | None = None) -> Iterator[Path]:
    """Write every pinned file that `folder` lacks, yielding the path of each as it is there.

    Args:
        folder: the mirror, to be named by the environment variable PELT_DATA afterwards.
        fetch: the bytes at a URL; by default they are downloaded.

    Raises:
        DataNotFound: a publisher cannot be reached.
        PinMismatch: a file, old or new, is not the pinned one; a new one is not written.
    """
    for pinned in _pinned_files():
        path = folder / str(pinned.file)
        if path.is_file():
            check_file(path.read_bytes(), str(path), pinned)
        else:
            stored = pack(_fetch(str(pinned.source), fetch or _download))
            check_file(stored, str(pinned.source), pinned)
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(f".{os.getpid()}.part")
            part.write_bytes(stored)
            part.replace(path)
        yield path


def pack(published: bytes) -> bytes:
    """A JSON list, or JSON Lines, as the mirror stores it: JSON Lines, gzip'ed at level 9 without name and time."""
    text = published.decode("utf-8")
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    rows = document if isinstance(document, list) else [json.loads(line) for line in text.split("\n") if line.strip()]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    packed = io.BytesIO()
    with gzip.GzipFile("", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as stream:
        stream.write(lines.encode("utf-8"))
    return packed.getvalue()


def _pinned_files() -> list[Pin]:
    return [pinned for card in DATASETS.values() for pinned in card.splits.values() if pinned.file]


def _fetch(url: str, fetch: Callable[[str], bytes]) -> bytes:
    try:
        return fetch(url)
    except OSError as error:
        raise DataNotFound(
            f"{url} cannot be fetched: {error}. Mend: run this where there is a network, and copy the folder"
        ) from None


def _download(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:
        content: bytes = answer.read()
    return content
