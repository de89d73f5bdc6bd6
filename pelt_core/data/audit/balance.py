"""What one set is like: repeated items, contradictory labels, the commonest answer, lengths."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

PERCENTILES = (5, 25, 50, 75, 95)


@dataclass(frozen=True)
class Repeats:
    """How often a set repeats itself.

    Args:
        distinct: number of different items, by key.
        contradictory: items, by letters and digits, that occur with more than one label.
    """

    distinct: dict[str, int]
    contradictory: int


def repeats(keys: Mapping[str, Sequence[str]], labels: Sequence[str]) -> Repeats:
    """Count the different items of a set under each key; `labels` is as long as the items, or empty."""
    given: dict[str, set[str]] = defaultdict(set)
    for text, label in zip(keys["normalised"], labels, strict=False):
        given[text].add(label)
    distinct = {name: len(set(texts)) for name, texts in keys.items()}
    return Repeats(distinct, sum(len(found) > 1 for found in given.values()))


def majority(labels: Sequence[str]) -> float | None:
    """The share of the commonest label, which is what always giving it scores; None without labels."""
    return max(Counter(labels).values()) / len(labels) if labels else None


def lengths(texts: Sequence[str]) -> dict[str, float]:
    """Words between spaces: percentiles, by their number, and the "longest"."""
    counts = [len(text.split()) for text in texts]
    cuts = np.percentile(counts, PERCENTILES)
    return {**{str(p): float(cut) for p, cut in zip(PERCENTILES, cuts, strict=True)}, "longest": max(counts)}
