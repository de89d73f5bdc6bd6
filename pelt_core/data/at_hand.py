"""What there is at hand to make rows from, in one hash: it names rows that no pin names, as more may come some day."""

import hashlib
from pathlib import Path

from pelt_core.data.catalogue import DATASETS
from pelt_core.data.reading import Prepared
from pelt_core.data.sources import mirror_folder

HERE = Path(__file__).parent


def fingerprint() -> str:
    """sha256 over the pins, the code that prepares rows, and the pinned files that the mirror has, by their bytes."""
    mirror = mirror_folder()
    files = [*sorted(HERE.rglob("*.py")), HERE / "pins.json"]
    if mirror:
        files += [mirror / pin.file for card in DATASETS.values() for pin in card.splits.values() if pin.file]
    hashed = hashlib.sha256()
    for path in files:
        stored = path.read_bytes() if path.is_file() else b""
        hashed.update(f"{path.name} {hashlib.sha256(stored).hexdigest()}\n".encode())
    return hashed.hexdigest()


def may_grow(prepared: Prepared) -> bool:
    """Whether rows are missing that the hub might give at another time, as nobody told its client to be silent."""
    import datasets  # here, as its import takes seconds

    return bool(prepared.missing) and not datasets.config.HF_HUB_OFFLINE
