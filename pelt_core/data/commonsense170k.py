"""Commonsense170K of LLM-Adapters (Hu et al. 2023), built from the eight sets that it was made of, and better versions.

Proven with the published files at hand: the test rows of BoolQ, PIQA, Social IQa and ARC-Easy, and the train rows of
ARC-Easy, are equal to the character and in the same order, with 3, 4 and 5 answers. (So are BoolQ's train rows, but
they were taken out of the published file.) Not proven, for want of a published file: ARC-Challenge and OpenBookQA,
which share ARC-Easy's template; WinoGrande and HellaSwag, of which template and number of rows are known; and the
order of `SOURCES`, both that of the sets, BoolQ first, and that of WinoGrande's sizes.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from random import Random
from typing import Any

from pelt_core.data.catalogue import UnknownDataset, pin
from pelt_core.data.reading import Prepared, read
from pelt_core.data.sources import DataNotFound
from pelt_core.errors import PeltError

Rows = list[dict[str, Any]]

# By set, in order: the splits whose rows, one after the other, are its published training rows. WinoGrande's sizes lie
# inside one another, so that most of its items are there several times.
SOURCES: dict[str, tuple[str, ...]] = {
    "boolq": ("train",),
    "piqa": ("train",),
    "siqa": ("train",),
    "hellaswag": ("train",),
    "winogrande": ("train_xs", "train_s", "train_m", "train_l", "train_xl", "train_debiased"),
    "arc-easy": ("train",),
    "arc-challenge": ("train",),
    "openbookqa": ("train",),
}

# By set and split: what is read where the split is not to be had.
INSTEAD = {("hellaswag", "train"): "train_first3368", ("hellaswag", "test_original"): "test"}

log = logging.getLogger(__name__)


class UnknownVariant(PeltError, LookupError):
    """A variant that does not exist; the message lists those that do."""


class BadSize(PeltError, ValueError):
    """More rows than there are, or none, are asked for; the message has how many there are."""


def expected(name: str) -> int:
    """How many rows of the published training set are of the set `name`."""
    return sum(pin(name, source).rows for source in SOURCES[name])


def part(name: str, split: str = "train") -> Prepared:
    """The rows of one of the eight sets as its published file for `split` has them, as far as they are to be had.

    Raises:
        UnknownDataset: the set is none of the eight, or has no such split.
        DataNotFound: none of the rows is to be had.
        PinMismatch: rows or content differ from the pin.
        MalformedRows: rows are not what the set promises; the message names them.
    """
    if name not in SOURCES:
        raise UnknownDataset(f"no part of commonsense170k is called {name!r}; it is made of {', '.join(SOURCES)}")
    if split == "train":
        sources = SOURCES[name]
    else:
        sources = ("test_original",) if (name, split) == ("hellaswag", "test") else (split,)
    found, refusals = [], []
    for source in sources:
        try:
            found.append(_read(name, source))
        except DataNotFound as refusal:
            refusals.append(refusal)
    if not found:
        raise refusals[0]
    rows = [row for prepared in found for row in prepared.rows]
    missing = sum(pin(name, source).rows for source in sources) - len(rows)
    where = ", ".join(prepared.where for prepared in found)
    return Prepared(rows, where, {}, missing={name: missing} if missing else {})


def whole() -> Prepared:
    """All published training rows, set after set, as far as they are to be had; `missing` counts the others by set.

    Raises:
        DataNotFound: none of the rows is to be had; and what else `part` raises.
    """
    found, refusals = [], []
    missing: dict[str, int] = {}
    for name in SOURCES:
        try:
            found.append(part(name))
            missing |= found[-1].missing
        except DataNotFound as refusal:
            refusals.append(refusal)
            missing[name] = expected(name)
    if not found:
        raise refusals[0]
    rows = [row for prepared in found for row in prepared.rows]
    return Prepared(rows, ", ".join(prepared.where for prepared in found), {}, missing=missing)


def distinct(rows: Rows) -> Rows:
    """The first row of each question."""
    first: dict[str, dict[str, Any]] = {}
    for row in rows:
        first.setdefault(row["question"], row)
    return list(first.values())


def balanced(rows: Rows, seed: int) -> Rows:
    """A sample in which no answer is the commonest: each is right equally often within a set and number of choices.

    So a set's items with as many choices are left out where one of the answers is never right.
    """
    groups: dict[tuple[str, int], dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        groups[set_of(row), len(row["choices"])][row["gold"]].append(row["id"])
    kept: set[str] = set()
    for (name, choices), ids in groups.items():
        fewest = min(len(ids[gold]) for gold in range(choices))
        for gold in range(choices):
            kept.update(Random(f"{seed}/{name}/{choices}/{gold}").sample(ids[gold], fewest))
    return [row for row in rows if row["id"] in kept]


def sample(rows: Rows, size: int, seed: int) -> Rows:
    """`size` rows in their order, with sets and answers in the proportions of `rows`.

    A smaller sample is a part of a larger one.

    Raises:
        BadSize: `size` is above the number of rows.
    """
    if size > len(rows):
        raise BadSize(f"{size} rows cannot be sampled from {len(rows)}: ask for 1 to {len(rows)}")
    strata: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        strata[set_of(row), row["answer"]].append(place)
    spread = []  # each stratum evenly over 0 to 1, so that any beginning of the whole has its share of each
    for (name, answer), places in strata.items():
        Random(f"{seed}/{name}/{answer}").shuffle(places)
        spread += [((turn + 0.5) / len(places), place) for turn, place in enumerate(places)]
    return [rows[place] for place in sorted(place for _, place in sorted(spread)[:size])]


VARIANTS: dict[str, Callable[[Rows, int], Rows]] = {
    "published": lambda rows, seed: rows,
    "distinct": lambda rows, seed: distinct(rows),
    "balanced": lambda rows, seed: balanced(distinct(rows), seed),
}


def build(variant: str = "published", size: int | None = None, seed: int = 0) -> Prepared:
    """A variant of the training rows, or a sample of it; the balanced one is drawn by `seed` as samples are.

    Raises:
        UnknownVariant: there is no such variant.
        BadSize: it has fewer rows; and what `whole` raises.
    """
    if variant not in VARIANTS:
        raise UnknownVariant(f"no variant is called {variant!r}; there are {', '.join(VARIANTS)}")
    if size is not None and size < 1:
        raise BadSize(f"a sample has at least 1 row, and {size} were asked for")
    made = whole()
    rows = VARIANTS[variant](made.rows, seed)
    return replace(made, rows=rows if size is None else sample(rows, size, seed))


def set_of(row: dict[str, Any]) -> str:
    """The set that a row is from, as its id says."""
    return str(row["id"]).rsplit("-", 2)[0]


def counts(rows: Iterable[dict[str, Any]]) -> Counter[str]:
    """How many rows there are by set."""
    return Counter(map(set_of, rows))


def _read(name: str, split: str) -> Prepared:
    try:
        return read(name, split)
    except DataNotFound:
        if (name, split) not in INSTEAD:
            raise
    other = INSTEAD[name, split]
    log.warning("%s/%s is not to be had, %s is read instead: %s", name, split, other, pin(name, other).note)
    return read(name, other)
