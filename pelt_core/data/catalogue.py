"""What data there is: every dataset with its splits, licence and pins, read from `pins.json`."""

import json
from dataclasses import dataclass
from importlib.resources import files

from pelt_core.errors import PeltError


class UnknownDataset(PeltError, LookupError):
    """A dataset or split that does not exist; the message lists those that do."""


@dataclass(frozen=True)
class Pin:
    """One split, pinned.

    Args:
        rows: how many there are, prepared.
        content_sha256: of the prepared rows; "" where nobody has seen them yet, as the mirror lacks the file.
        file: its place in a mirror; None if the split is made from others.
        file_rows: how many rows the file has.
        sha256: of the file; None where it is only to be had from the hub.
        source: the URL, or several joined by " + ", of what packs to the file, or repository@commit:path of what it was
            made from by hand.
        hub: id, config, split and revision on the Hugging Face hub; None if it has no copy of the same rows.
        whole_rows: of a PARTIAL file, how many rows the published split has.
        note: what a user has to know.
    """

    rows: int
    content_sha256: str
    file: str | None = None
    file_rows: int | None = None
    sha256: str | None = None
    source: str | None = None
    hub: dict[str, str] | None = None
    whole_rows: int | None = None
    note: str = ""


@dataclass(frozen=True)
class DatasetCard:
    """A dataset: `splits` maps a split's name to its pin.

    `answer_kind` is "number", "letter", "choice", "label" (a class), "score" (a real number) or "text".
    """

    name: str
    summary: str
    licence: str
    answer_kind: str
    splits: dict[str, Pin]


def _read() -> dict[str, DatasetCard]:
    pinned = json.loads((files("pelt_core.data") / "pins.json").read_text(encoding="utf-8"))
    return {
        name: DatasetCard(name, **{**card, "splits": {split: Pin(**pin) for split, pin in card["splits"].items()}})
        for name, card in pinned.items()
    }


DATASETS: dict[str, DatasetCard] = _read()


def card(name: str) -> DatasetCard:
    """The card of a dataset.

    Raises:
        UnknownDataset: there is no such dataset.
    """
    if name not in DATASETS:
        raise UnknownDataset(f"no dataset is called {name!r}; there are {', '.join(DATASETS)}")
    return DATASETS[name]


def pin(name: str, split: str) -> Pin:
    """The pin of one split.

    Raises:
        UnknownDataset: there is no such dataset, or it has no such split.
    """
    splits = card(name).splits
    if split not in splits:
        raise UnknownDataset(f"dataset {name!r} has no split {split!r}; it has {', '.join(splits)}")
    return splits[split]


def answer_kind(name: str) -> str:
    """What an answer of the dataset is, as its card has it."""
    return card(name).answer_kind
