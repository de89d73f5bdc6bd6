"""What is compared: the text that a reader of an item sees, and its label."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pelt_core.data.audit.sets import AuditedSet
from pelt_core.data.catalogue import answer_kind, pin
from pelt_core.data.fields import BadRow
from pelt_core.data.normalise import stem
from pelt_core.data.reading import READERS
from pelt_core.data.rows import prepare
from pelt_core.data.sources import DataNotFound, raw_rows

YES_NO = ["yes", "no"]


@dataclass
class Items:
    """The items of an audited set, those without a usable solution among them.

    Args:
        about: which set.
        splits: that were read.
        texts: of the items.
        labels: of the items; empty where answers are no classes.
        flaws: reason -> how many rows are no items for that reason.
    """

    about: AuditedSet
    splits: tuple[str, ...]
    texts: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    flaws: Counter[str] = field(default_factory=Counter)


def read(about: AuditedSet) -> Items:
    """The items of a set, from its whole splits or, where they are not to be had, from its parts.

    What a later part has in common with an earlier one is the same row, and is counted once.

    Raises:
        DataNotFound: neither is to be had.
        PinMismatch: a file is not what is pinned.
        MalformedRows: lines of a file are not JSON objects.
    """
    try:
        items = Items(about, about.splits)
        for split in about.splits:
            _add(items, split, without=frozenset())
    except DataNotFound:
        if not about.instead:
            raise
        items = Items(about, about.instead)
        for split in about.instead:
            _add(items, split, without=frozenset(items.texts))
    return items


def _add(items: Items, split: str, without: frozenset[str]) -> None:
    classes = answer_kind(items.about.name) in ("letter", "choice", "label")
    for row in _rows(items.about.name, split):
        if isinstance(row, BadRow):
            items.flaws[str(row)] += 1
        elif (shown := text(row)) not in without:
            items.texts.append(shown)
            items.labels += [label(row)] if classes else []


def _rows(name: str, split: str) -> Iterator[dict[str, Any] | BadRow]:
    """The columns of each row, or what is wrong with it."""
    if pin(name, split).file is None:
        yield from prepare(name, split).rows
        return
    for position, raw in enumerate(raw_rows(pin(name, split)).rows):
        try:
            yield vars(READERS[name](raw, position))
        except BadRow as reason:
            yield reason


def text(row: dict[str, Any]) -> str:
    """What a reader sees: the question, of multiple choice with the choices, or one or two sentences.

    A question of AQuA or MathQA is taken without its choices, as the same problem occurs with other ones, and one of
    BoolQ too, as all of them have the same.
    """
    if "text" in row:
        return f"{row['text']} {row['text_pair']}".strip()
    if "choices" in row:
        return " ".join([row["stem"], *(row["choices"] if row["choices"] != YES_NO else ())])
    return stem(row["question"])


def label(row: dict[str, Any]) -> str:
    """The class of a row: a letter, the number of the right choice counted from 1, or that of the label."""
    return str(row["gold"] + 1 if "gold" in row else row["label"] if "label" in row else row["answer"])
