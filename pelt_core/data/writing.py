"""Writing a file whole or not at all."""

import os
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


def write_whole(path: Path, text: str) -> None:
    """Write `text` to a file of another name and move it into place, so that what is at `path` is never a part.

    Raises:
        NotWritable: the disk is full, say; what was at `path` still is.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise NotWritable(f"{path} could not be written: {error.strerror or error}") from None
