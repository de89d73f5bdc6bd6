"""What data there is: every dataset with its splits, licence and pins, read from `pins.json`."""

import json
from dataclasses import dataclass
from importlib.resources import files

from pelt_core.errors import PeltError


class UnknownDataset(PeltError, LookupError):
    """A dataset or split that does not exist; the message lists those that do."""


@dataclass(frozen=True)
class Pin:
    """One split, pinned: `content_sha256` is that of the prepared rows, `sha256` that of the mirror's file."""

    rows: int
    content_sha256: str
    file: str | None = None
    file_rows: int | None = None
    sha256: str | None = None
    source: str | None = None
    hub: dict[str, str] | None = None


@dataclass(frozen=True)
class DatasetCard:
    """A dataset: `answer_kind` is "number" or "letter", `splits` maps a split's name to its pin."""

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
    """What an answer of the dataset is: "number" or "letter"."""
    return card(name).answer_kind
