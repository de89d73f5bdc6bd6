"""The whole audit, as counts: what each set is like, and what every training set shares with every evaluation set."""

import importlib.metadata
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from tqdm import tqdm

from pelt_core.data.audit import near
from pelt_core.data.audit.balance import lengths, majority, repeats
from pelt_core.data.audit.items import Items, read
from pelt_core.data.audit.overlap import KEYS, Keyed
from pelt_core.data.audit.sets import SETS, AuditedSet
from pelt_core.data.catalogue import Pin, pin
from pelt_core.data.sources import DataNotFound


def audit(sets: Iterable[AuditedSet] = SETS) -> dict[str, Any]:
    """Audit the sets that are to be had, in a few minutes; the result holds counts only, no text, as JSON types.

    Returns:
        `near`: how near-duplicates were looked for.
        `sets`: one a set: title, family, role, files with their sha256, rows, `whole_rows` of the published split where
        only parts of it are there, repeats, number of labels, share of the commonest, lengths in words, flaws.
        `leaked`: training set -> how many of its rows any evaluation set has, by each key.
        `overlaps`: one a pair of a training and an evaluation set that share something: how many evaluation items the
        training set has by each key, and "near" besides (by letters and digits, or near-duplicates); `train` is how
        many training rows are the same item by letters and digits.
        `absent`: titles and roles of sets that are nowhere to be had.
        `versions`: of the library that hashes.

    Raises:
        PinMismatch: a file is not what is pinned.
        MalformedRows: lines of a file are not JSON objects.
    """
    found: list[Items] = []
    absent: list[dict[str, str]] = []
    for about in tqdm(list(sets), desc="reading", disable=None):
        try:
            found.append(read(about))
        except DataNotFound:
            absent.append({"title": about.title, "role": about.role})
    keyed = [Keyed(items.texts) for items in tqdm(found, desc="keys", disable=None)]
    training, evaluation = (
        {items.about.title: keys for items, keys in zip(found, keyed, strict=True) if items.about.role == role}
        for role in ("train", "evaluation")
    )
    return {
        "near": {
            "threshold": near.THRESHOLD,
            "permutations": near.PERMUTATIONS,
            "bands": near.BANDS,
            "rows_per_band": near.ROWS_PER_BAND,
            "miss_probability": near.miss_probability(near.THRESHOLD),
        },
        "sets": [_describe(items, keys) for items, keys in zip(found, keyed, strict=True)],
        "leaked": {title: _leaked(keys, evaluation.values()) for title, keys in training.items()},
        "overlaps": _overlaps(training, evaluation),
        "absent": absent,
        "versions": {"datasketch": importlib.metadata.version("datasketch")},
    }


def _describe(items: Items, keys: Keyed) -> dict[str, Any]:
    about = items.about
    pins = [pin(about.name, split) for split in items.splits]
    return {
        "title": about.title,
        "family": about.family,
        "role": about.role,
        "files": {f"{about.name}/{split}": _sha256(one) for split, one in zip(items.splits, pins, strict=True)},
        "rows": len(items.texts),
        "whole_rows": _whole_rows(items),
        **asdict(repeats(keys.by_key, items.labels)),
        "labels": len(set(items.labels)),
        "majority": majority(items.labels),
        "words": lengths(items.texts),
        "flaws": dict(items.flaws),
    }


def _sha256(pinned: Pin) -> str:
    """Of the file or, where rows are made from those of others, of the rows."""
    return pinned.sha256 or pinned.content_sha256


def _whole_rows(items: Items) -> int | None:
    """How many rows the published set has of which only parts are there; None if all is there."""
    pinned = [pin(items.about.name, split) for split in items.about.splits]
    if items.splits != items.about.splits:
        return sum(one.rows for one in pinned)
    return next((one.whole_rows for one in pinned if one.whole_rows), None)


def _leaked(keys: Keyed, evaluation: Iterable[Keyed]) -> dict[str, int]:
    return {key: len(set().union(*(keys.found_in(asked, key) for asked in evaluation))) for key in KEYS}


def _overlaps(training: dict[str, Keyed], evaluation: dict[str, Keyed]) -> list[dict[str, Any]]:
    owners = [(title, place) for title, keys in evaluation.items() for place in range(len(keys.by_key["exact"]))]
    index = near.Index(text for keys in evaluation.values() for text in keys.by_key["exact"])
    overlaps = []
    for title, keys in tqdm(training.items(), desc="near-duplicates", disable=None):
        close: dict[str, set[int]] = {other: set() for other in evaluation}
        for text in sorted(keys.distinct["exact"]):
            for hit in index.find(text):
                owner, place = owners[hit]
                close[owner].add(place)
        for other, asked in evaluation.items():
            shared = {key: set(asked.found_in(keys, key)) for key in KEYS}
            shared["near"] = shared["normalised"] | close[other]
            if any(shared.values()):
                counts = {key: len(places) for key, places in shared.items()}
                same = len(keys.found_in(asked, "normalised"))
                overlaps.append({"training": title, "evaluation": other, **counts, "train": same})
    return overlaps
