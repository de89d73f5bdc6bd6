"""The rows that a study trains and scores on: read, prepared, checked against their pins, mixed and sampled."""

import hashlib
import json
import logging
import random
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from pelt_core.data import arrow, at_hand, commonsense170k, embedded_choice, embedded_pairs, matched, math10k
from pelt_core.data.catalogue import answer_kind, pin
from pelt_core.data.clean import without_test_problems
from pelt_core.data.embedded import generate
from pelt_core.data.reading import Prepared, checked, read
from pelt_core.data.sources import unchanged
from pelt_core.errors import PeltError

if TYPE_CHECKING:
    from datasets import Dataset

EVALUATION_SEED = 0
DEV = "/dev"
"""Ends the name of a test set of which other rows are meant than those that are tested."""

log = logging.getLogger(__name__)


class BadMix(PeltError, ValueError):
    """A data mix that cannot be made; the message has the form of a right one."""


# By dataset: split -> the rows that are made from other sets, or from nothing.
DERIVED: dict[str, Callable[[str], Prepared]] = {
    "arithmetic": lambda split: Prepared(list(generate(split)), "pelt_core.data.embedded", {}),
    "puzzles": lambda split: Prepared(list(embedded_choice.generate(split)), "pelt_core.data.embedded_choice", {}),
    "paraphrase": lambda split: Prepared(list(embedded_pairs.generate(split)), "pelt_core.data.embedded_pairs", {}),
    "mawps-clean": lambda split: without_test_problems(read("mawps", split)),
    "mawps-leaked": lambda split: matched.leaked(),
    "mawps-unleaked": lambda split: matched.unleaked(),
    "math10k": lambda split: math10k.annotated(),
    "math10k-clean": lambda split: math10k.annotated(math10k.read_clean),
    "commonsense170k": lambda split: commonsense170k.build(),
    "commonsense170k-distinct": lambda split: commonsense170k.build("distinct"),
}


def prepare(name: str, split: str) -> Prepared:
    """Read or make one split, and check the result against its pin.

    Raises:
        UnknownDataset: there is no such dataset or split.
        DataNotFound: neither the mirror nor the hub has the data.
        PinMismatch: rows or content differ from the pin.
        MalformedRows: rows are not what the dataset promises; the message names them.
    """
    pin(name, split)
    return checked(name, split, DERIVED[name](split)) if name in DERIVED else read(name, split)


def load(name: str, split: str = "train") -> "Dataset":
    """One split, with the columns that `Prepared` names for its kind of answer; raises what `prepare` raises.

    A solution of a problem ends "The answer is X."; rows left out are counted in the log, and `prepare` says why. Of a
    set that is made of as much as is to be had, a warning there says how much is missing.
    """
    kept = _kept(name, split)
    if kept.remark:
        level = logging.INFO if pin(name, split).content_sha256 else logging.WARNING
        log.log(level, "%s/%s: %s", name, split, kept.remark)
    return kept.dataset


def _kept(name: str, split: str) -> arrow.Kept:
    pinned = pin(name, split)
    identity = pinned.content_sha256 or at_hand.fingerprint()
    found = arrow.kept(name, split, identity) if unchanged(pinned) else None
    if found is None:
        prepared = prepare(name, split)
        found = arrow.keep(name, split, "" if at_hand.may_grow(prepared) else identity, prepared)
    return found


def parse_mix(mix: str) -> dict[str, int]:
    """The sets and row counts of a mix: gsm8k:500+mawps-clean:500 is {"gsm8k": 500, "mawps-clean": 500}.

    Raises:
        BadMix: the text has another form, a set twice, a count below 1, or a set that has no solutions.
        UnknownDataset: there is no such set, or it has no train split.
    """
    counts: dict[str, int] = {}
    for part in mix.split("+"):
        name, _, count = part.strip().partition(":")
        if not count.isdecimal() or int(count) < 1 or name in counts:
            raise BadMix(
                f"{part!r} in the mix {mix!r}: write each set once, as name:rows, like gsm8k:500+mawps-clean:500"
            )
        pin(name, "train")
        if answer_kind(name) in ("label", "score"):
            raise BadMix(f"{name} in the mix {mix!r} has classes or scores, and a mix is of questions with solutions")
        counts[name] = int(count)
    return counts


def training_rows(mix: str, seed: int) -> "Dataset":
    """The rows of a mix: from each set's train split a sample of the size asked for, then all shuffled, by `seed`.

    The columns are those that all its sets have.

    Raises:
        BadMix: the mix is malformed, or asks for more rows than a set has; and all that `prepare` raises.
    """
    from datasets import concatenate_datasets  # here, as its import takes seconds and `digest` does without it

    parts = []
    for name, count in parse_mix(mix).items():
        available = load(name, "train")
        if count > len(available):
            raise BadMix(f"the mix {mix!r} asks for {count} rows of {name}, which has {len(available)}")
        parts.append(available.select(random.Random(f"{seed}/{name}").sample(range(len(available)), count)))
    shared = [column for column in parts[0].column_names if all(column in part.column_names for part in parts)]
    order = list(range(sum(map(len, parts))))
    random.Random(f"{seed}/order").shuffle(order)
    return concatenate_datasets([part.select_columns(shared) for part in parts]).select(order)


def evaluation_rows(name: str, questions: int) -> "Dataset":
    """`questions` rows of a test split, the same in every run and study; all of them if it has no more.

    A smaller sample is the beginning of a larger one. ``"gsm8k/dev"`` takes rows from the other end, to choose a
    learning rate by: as long as both samples together are no larger than the split, they share no row.
    """
    if questions < 1:
        raise BadMix(f"an evaluation needs at least 1 question, and {questions} were asked for")
    tested = name.removesuffix(DEV)
    available = load(tested, "test")
    order = list(range(len(available)))
    random.Random(f"{EVALUATION_SEED}/{tested}").shuffle(order)
    return available.select(order[:questions] if name == tested else order[::-1][:questions])


def digest(mix: str, evaluate: Iterable[str]) -> str:
    """sha256 over the pins of the sets in a mix ("" for none) and of the evaluation sets.

    Reads no data, except of a set that is made of as much as is to be had: only its rows can tell how much that was.
    """
    train = parse_mix(mix) if mix else {}
    return _digest([(name, "train") for name in train] + [(name.removesuffix(DEV), "test") for name in evaluate])


def digest_of_splits(splits: Mapping[str, Iterable[str]]) -> str:
    """`digest` of splits by name: data set -> its splits."""
    return _digest([(name, split) for name, own in splits.items() for split in own])


def _digest(places: Iterable[tuple[str, str]]) -> str:
    content = {f"{name}/{split}": _content(name, split) for name, split in places}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _content(name: str, split: str) -> str:
    """What names the content of a split: of one that only the hub has, its place there."""
    pinned = pin(name, split)
    if not pinned.content_sha256 and name in DERIVED:
        return _kept(name, split).content_sha256
    return pinned.content_sha256 or json.dumps([pinned.rows, pinned.hub])
