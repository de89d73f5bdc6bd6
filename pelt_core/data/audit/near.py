"""Near-duplicates: pairs of texts whose sets of words have a large Jaccard index, found by MinHash (Broder 1997).

Bands of a signature that agree make a pair a candidate (locality-sensitive hashing); of each candidate the exact index
is computed, so that no pair is reported that is none. Some are missed; `miss_probability` says how many.
"""

import hashlib
import re
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasketch import MinHash

PERMUTATIONS = 126
ROWS_PER_BAND = 6
BANDS = PERMUTATIONS // ROWS_PER_BAND
THRESHOLD = 0.8
SEED = 1


def words(text: str) -> frozenset[str]:
    """The words and numbers of a text, in small letters; "3,000.0" is "3000"."""
    plain = re.sub(r"(\d)\.0+\b", r"\1", re.sub(r"(\d),(?=\d{3})", r"\1", text.lower()))
    return frozenset(re.findall(r"[^\W\d_]+|\d+(?:\.\d+)?", plain))


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """Size of the intersection over that of the union; of two empty sets 0."""
    return len(a & b) / (len(a | b) or 1)


def miss_probability(index: float) -> float:
    """The probability that a pair with this Jaccard index is no candidate, over the draw of the permutations."""
    return float((1 - index**ROWS_PER_BAND) ** BANDS)


class Index:
    """Texts among which near-duplicates are looked for.

    Args:
        texts: in order; their places are what `find` gives.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        from datasketch import MinHashLSH  # here, as it needs scipy

        self._held = [words(text) for text in texts]
        self._bands = MinHashLSH(num_perm=PERMUTATIONS, params=(BANDS, ROWS_PER_BAND))
        for place, bag in enumerate(self._held):
            if bag:
                self._bands.insert(place, signature(bag), check_duplication=False)

    def find(self, text: str, threshold: float = THRESHOLD) -> dict[int, float]:
        """Places of the texts whose words have a Jaccard index of at least `threshold` with those of `text`.

        Returns:
            Place -> exact index, in order of the places.
        """
        bag = words(text)
        places = sorted(self._bands.query(signature(bag))) if bag else ()
        exact = {place: jaccard(bag, self._held[place]) for place in places}
        return {place: index for place, index in exact.items() if index >= threshold}


def signature(bag: frozenset[str]) -> "MinHash":
    """The MinHash of a set of words; the same in every process."""
    minhash = _blank().copy()
    minhash.update_batch(bag)
    return minhash


@cache
def _blank() -> "MinHash":
    from datasketch import MinHash

    return MinHash(num_perm=PERMUTATIONS, seed=SEED, hashfunc=_hash)


@cache
def _hash(word: str) -> int:
    return int.from_bytes(hashlib.sha1(word.encode(), usedforsecurity=False).digest()[:4], "little")
