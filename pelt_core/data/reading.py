"""Reading a published split: each row of its file through the set's reader, checked against the pin."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pelt_core.data import arithmetic, commonsense, published
from pelt_core.data.catalogue import pin
from pelt_core.data.fields import BadRow, Item
from pelt_core.data.glue import rows as glue
from pelt_core.data.sources import MalformedRows, PinMismatch, describe, raw_rows

# By dataset: (row as published, its position in the file) -> the item that it is. A reader takes each form that the
# set's sources have: the fields of the mirror's files and those of the hub.
READERS: dict[str, Callable[[dict[str, Any], int], Item]] = {
    **arithmetic.READERS,
    **commonsense.READERS,
    **published.READERS,
    **glue.READERS,
}


@dataclass(frozen=True)
class Prepared:
    """The rows of one split, each a dict of `id` and the columns of its kind of answer.

    number, letter, text: str `question`, `solution`, `answer`. choice: also str `stem`, list `choices`, int `gold`.
    label and score: str `text`, `text_pair` and int or float `label`.
    `flaws` maps the id of a row without a usable solution to the reason: such a row is left out of a train split, and
    kept elsewhere. `leaked` has the ids of training rows left out because a test set has them. `missing` counts
    the rows that are nowhere to be had, by set.
    `where` is the file, hub address or module that they come from.
    """

    rows: list[dict[str, Any]]
    where: str
    flaws: dict[str, str]
    leaked: tuple[str, ...] = ()
    missing: dict[str, int] = field(default_factory=dict)

    @property
    def remark(self) -> str:
        """How many rows are missing, without a solution or left out, and why; "" if there is nothing to say."""
        flaws = [f"{len(self.flaws)} rows have no usable solution"] if self.flaws else []
        leaks = [f"{len(self.leaked)} rows left out, as a test set has them"] if self.leaked else []
        missing = [f"{count} rows of {name} are nowhere to be had" for name, count in self.missing.items()]
        return ", ".join(missing + flaws + leaks)


def read(name: str, split: str) -> Prepared:
    """The rows of a split that has a file of its own, in the order of their keys; ids are <set>-<split>-<key>.

    Raises:
        UnknownDataset: there is no such dataset or split.
        DataNotFound: neither the mirror nor the hub has the data.
        PinMismatch: rows or content differ from the pin.
        MalformedRows: rows are not what the dataset promises; the message names them.
    """
    located = raw_rows(pin(name, split))
    items: list[Item] = []
    bad: list[str] = []
    for position, raw in enumerate(located.rows):
        try:
            items.append(READERS[name](raw, position))
        except BadRow as reason:
            bad.append(f"{located.where}, line {position + 1}: {reason}")
    if bad:
        raise MalformedRows(describe(bad))
    rows, flaws = [], {}
    for item in sorted(items, key=lambda item: item.key):
        columns = dict(vars(item))
        key, flaw = columns.pop("key"), columns.pop("flaw")
        identity = f"{name}-{split}-{key:05d}"
        if flaw:
            flaws[identity] = flaw
        if not flaw or not split.startswith("train"):
            rows.append({"id": identity, **columns})
    return checked(name, split, Prepared(rows, located.where, flaws))


def checked(name: str, split: str, prepared: Prepared) -> Prepared:
    """`prepared`, if its number of rows and its content are as pinned.

    A split that is made of as much of others as is to be had has no such pin: its parts have been compared.

    Raises:
        PinMismatch: they are not.
    """
    pinned = pin(name, split)
    if pinned.file is None and not pinned.content_sha256:
        return prepared
    found = content_sha256(prepared.rows)
    if (len(prepared.rows), found) != (pinned.rows, pinned.content_sha256 or found):
        raise PinMismatch(
            f"{name}/{split}, from {prepared.where}, is not what is pinned: expected {pinned.rows} rows and content "
            f"sha256 {pinned.content_sha256 or 'any'}, found {len(prepared.rows)} rows and content sha256 {found}"
        )
    return prepared


def content_sha256(rows: list[dict[str, Any]]) -> str:
    """sha256 of rows: the JSON list of each row's values, in order of its columns, a line."""
    lines = (json.dumps(list(row.values())) + "\n" for row in rows)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
