"""Writing a file whole or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pelt_core.errors import PeltError


class NotWritable(PeltError, OSError):
    """A file cannot be written at this place."""


def check_writable(path: Path) -> None:
    """Make the folder of a file that is to be written after long work.

    Raises:
        NotWritable: the file could not be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotWritable(f"{path} cannot be written: its folder cannot be made ({error})") from None
    if path.is_dir():
        raise NotWritable(f"{path} cannot be written: it is a folder; name a file in it")
    if not os.access(path.parent, os.W_OK):
        raise NotWritable(f"{path} cannot be written: nothing may be written to its folder")


@contextmanager
def draft(path: Path) -> Iterator[Path]:
    """A new, empty file to be written, which then takes the place of `path`: what is there is never a part.

    It is forced to the disk before it is moved, and deleted if anything is raised.

    Raises:
        OSError: it cannot be made, forced to the disk or moved; what was at `path` still is.
    """
    # In the same folder, as a move is one step only within a file system; threads and processes have their own.
    unfinished = path.parent / f".{path.name}.{secrets.token_hex(8)}.draft"
    unfinished.touch(exist_ok=False)
    try:
        yield unfinished
        with unfinished.open("rb+") as written:
            os.fsync(written.fileno())
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def write_whole(path: Path, text: str) -> None:
    """Write `text` to a `draft` of a file.

    Raises:
        NotWritable: the disk is full, say; what was at `path` still is.
    """
    try:
        with draft(path) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    except OSError as error:
        raise NotWritable(f"{path} could not be written: {error.strerror or error}") from None
