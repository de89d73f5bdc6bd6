"""The rows that a study trains and scores on: read, prepared, checked against their pins, mixed and sampled."""

import hashlib
import json
import logging
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pelt_core.data.arithmetic import READERS, BadRow, Problem
from pelt_core.data.catalogue import Pin, pin
from pelt_core.data.embedded import generate
from pelt_core.data.normalise import normalise_question
from pelt_core.data.sources import MalformedRows, PinMismatch, describe, raw_rows
from pelt_core.errors import PeltError

if TYPE_CHECKING:
    from datasets import Dataset

EVALUATION_SETS = ("gsm8k", "svamp", "multiarith", "addsub", "singleeq", "aqua")
EVALUATION_SEED = 0

log = logging.getLogger(__name__)


class BadMix(PeltError, ValueError):
    """A data mix that cannot be made; the message has the form of a right one."""


@dataclass(frozen=True)
class Prepared:
    """The rows of one split, each a dict of str `id`, `question`, `solution`, `answer`, sorted by id.

    `flaws` maps the id of a row without a usable solution to the reason: such a row is left out of a train split, and
    kept with the solution "" elsewhere. `leaked` has the ids of training rows left out because a test set has them.
    `where` is the file, hub address or module that they come from.
    """

    rows: list[dict[str, str]]
    where: str
    flaws: dict[str, str]
    leaked: tuple[str, ...] = ()


def prepare(name: str, split: str) -> Prepared:
    """Read and prepare one split, and check the result against its pin.

    Raises:
        UnknownDataset: there is no such dataset or split.
        DataNotFound: neither the mirror nor the hub has the data.
        PinMismatch: rows or content differ from the pin.
        MalformedRows: rows lack a field, a question, or a finite answer; the message names them.
    """
    pinned = pin(name, split)
    match name:
        case "arithmetic":
            prepared = Prepared(list(generate(split)), "pelt_core.data.embedded", {})
        case "mawps-clean":
            prepared = _clean(prepare("mawps", split))
        case _:
            prepared = _read(name, split, pinned)
    found = content_sha256(prepared.rows)
    if (len(prepared.rows), found) != (pinned.rows, pinned.content_sha256):
        raise PinMismatch(
            f"{name}/{split}, from {prepared.where}, is not what is pinned: expected {pinned.rows} rows and content "
            f"sha256 {pinned.content_sha256}, found {len(prepared.rows)} rows and content sha256 {found}"
        )
    return prepared


def load(name: str, split: str) -> "Dataset":
    """One split with the str columns `id`, `question`, `solution`, `answer`; raises what `prepare` raises.

    A solution ends "The answer is X."; rows left out, and why, are logged and counted by `prepare`.
    """
    prepared = prepare(name, split)
    if prepared.flaws:
        log.info("%s/%s: %d rows have no worked solution", name, split, len(prepared.flaws))
    if prepared.leaked:
        log.info("%s/%s: %d rows left out, as a test set has them", name, split, len(prepared.leaked))
    return _dataset(prepared.rows)


def parse_mix(mix: str) -> dict[str, int]:
    """The sets and row counts of a mix: gsm8k:500+mawps-clean:500 is {"gsm8k": 500, "mawps-clean": 500}.

    Raises:
        BadMix: the text has another form, a set twice, a count below 1, or a set without a train split.
    """
    counts: dict[str, int] = {}
    for part in mix.split("+"):
        name, _, count = part.strip().partition(":")
        if not count.isdecimal() or int(count) < 1 or name in counts:
            raise BadMix(
                f"{part!r} in the mix {mix!r}: write each set once, as name:rows, like gsm8k:500+mawps-clean:500"
            )
        pin(name, "train")
        counts[name] = int(count)
    return counts


def training_rows(mix: str, seed: int) -> "Dataset":
    """The rows of a mix: from each set's train split a sample of the size asked for, then all shuffled, by `seed`.

    Raises:
        BadMix: the mix is malformed, or asks for more rows than a set has; and all that `prepare` raises.
    """
    sampled: list[dict[str, str]] = []
    for name, count in parse_mix(mix).items():
        available = prepare(name, "train").rows
        if count > len(available):
            raise BadMix(f"the mix {mix!r} asks for {count} rows of {name}, which has {len(available)}")
        sampled += random.Random(f"{seed}/{name}").sample(available, count)
    random.Random(f"{seed}/order").shuffle(sampled)
    return _dataset(sampled)


def evaluation_rows(name: str, questions: int) -> "Dataset":
    """`questions` rows of a test split, the same in every run and study; all of them if it has no more.

    A smaller sample is the beginning of a larger one.
    """
    if questions < 1:
        raise BadMix(f"an evaluation needs at least 1 question, and {questions} were asked for")
    order = prepare(name, "test").rows
    random.Random(f"{EVALUATION_SEED}/{name}").shuffle(order)
    return _dataset(order[:questions])


def digest(mix: str, evaluate: Iterable[str]) -> str:
    """sha256 over the pins of the sets in a mix ("" for none) and of the evaluation sets; reads no data."""
    train = parse_mix(mix) if mix else {}
    places = [(name, "train") for name in train] + [(name, "test") for name in evaluate]
    content = {f"{name}/{split}": pin(name, split).content_sha256 for name, split in places}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def content_sha256(rows: list[dict[str, str]]) -> str:
    """sha256 of rows: one JSON list [id, question, solution, answer] a line, in order."""
    lines = (json.dumps([row[k] for k in ("id", "question", "solution", "answer")]) + "\n" for row in rows)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _dataset(rows: list[dict[str, str]]) -> "Dataset":
    from datasets import Dataset  # here, as its import takes seconds and `digest` does without it

    return Dataset.from_list(rows)


def _read(name: str, split: str, pinned: Pin) -> Prepared:
    located = raw_rows(pinned)
    problems: list[Problem] = []
    bad: list[str] = []
    for position, raw in enumerate(located.rows):
        try:
            problems.append(READERS[name](raw, position))
        except BadRow as reason:
            bad.append(f"{located.where}, line {position + 1}: {reason}")
    if bad:
        raise MalformedRows(describe(bad))
    rows, flaws = [], {}
    for problem in sorted(problems, key=lambda problem: problem.key):
        identity = f"{name}-{split}-{problem.key:05d}"
        if problem.flaw:
            flaws[identity] = problem.flaw
        if not problem.flaw or split != "train":
            rows.append(
                {"id": identity, "question": problem.question, "solution": problem.solution, "answer": problem.answer}
            )
    return Prepared(rows, located.where, flaws)


def _clean(mawps: Prepared) -> Prepared:
    """`mawps` without the problems that an evaluation set has, compared by letters and digits alone."""
    asked = {normalise_question(row["question"]) for name in EVALUATION_SETS for row in prepare(name, "test").rows}
    leaked = tuple(row["id"] for row in mawps.rows if normalise_question(row["question"]) in asked)
    return Prepared([row for row in mawps.rows if row["id"] not in set(leaked)], mawps.where, mawps.flaws, leaked)
