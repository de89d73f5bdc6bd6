"""Whether a mirror's files are the pinned ones, and which are missing."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pelt_core.data.catalogue import DATASETS, Pin
from pelt_core.data.sources import DataNotFound, MalformedRows, PinMismatch, check_file, recorded


@dataclass(frozen=True)
class Verified:
    """A file of a mirror and the split that is read from it, as <set>/<split>.

    `state` is "as pinned", "as written" (from the hub, with the sha256 noted then), "counted" (the number of its rows
    is right, and nothing is known of its bytes), "differs", "missing" or "not pinned" (no split is read from it).
    """

    file: str
    split: str
    state: str
    note: str = ""


def verify(mirror: Path) -> Iterator[Verified]:
    """Compare each pinned file with the mirror's, then name the mirror's files that no pin knows.

    Raises:
        DataNotFound: there is no such folder.
    """
    if not mirror.is_dir():
        raise DataNotFound(f"there is no folder {mirror}: make a mirror with `pelt data mirror FOLDER`")
    known = set()
    for card in DATASETS.values():
        for split, pin in card.splits.items():
            if pin.file:
                known.add(pin.file)
                yield Verified(pin.file, f"{card.name}/{split}", *_state(mirror, pin))
    for path in sorted(mirror.rglob("*.jsonl.gz")):
        if (file := path.relative_to(mirror).as_posix()) not in known:
            yield Verified(file, "", "not pinned")


def _state(mirror: Path, pin: Pin) -> tuple[str, str]:
    path = mirror / str(pin.file)
    if not path.is_file():
        return "missing", f"made from {pin.source}" if pin.source else "only the hub has it"
    stored, noted = path.read_bytes(), recorded(mirror, pin)
    found = hashlib.sha256(stored).hexdigest()
    if found == noted.sha256:
        return ("as pinned", _partial(pin)) if found == pin.sha256 else ("as written", "from the hub")
    try:
        check_file(stored, str(path), noted)
    except (PinMismatch, MalformedRows) as error:
        return "differs", str(error)
    return "counted", f"sha256 {found}"


def _partial(pin: Pin) -> str:
    return f"PARTIAL: {pin.file_rows} of {pin.whole_rows} rows" if pin.whole_rows else ""
