"""Finding the answer in what a model wrote: versioned rules, each a short function of the text.

Every kind of answer is read in two ways from the same output: as LLM-Adapters (Hu et al. 2023) published it, and mended
where that misreads, so that the difference of the two scores is what the rule alone is worth.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from pelt_core.errors import PeltError

TOLERANCE = 1e-3

LABELS: dict[str, tuple[str, ...]] = {
    "truth": ("true", "false"),
    "solution": ("solution1", "solution2"),
    "answer": ("answer1", "answer2", "answer3", "answer4", "answer5"),
    "ending": ("ending1", "ending2", "ending3", "ending4"),
    "option": ("option1", "option2"),
}
"""The families of labels that a question with choices may ask for: all that the published rules look for."""


class UnknownExtractor(PeltError, LookupError):
    """An extractor, or a label to extract, that does not exist; the message lists those that do."""


class UnknownKind(PeltError, ValueError):
    """A kind of answer that is not read out of a text; the message lists those that are."""


class Rules(NamedTuple):
    """The names of the two rules that read one kind of answer."""

    published: str
    mended: str


def last_number(text: str) -> str | None:
    """The last number, commas removed (LLM-Adapters, as released): "5 x 2 = 1,010." has 1010."""
    numbers = re.findall(r"-?\d+\.?\d*", text.replace(",", ""))
    return numbers[-1].removesuffix(".") if numbers else None


def first_letter(text: str) -> str | None:
    """The first capital A to E anywhere, inside words too (LLM-Adapters, as released): "Clearly (B)" has C."""
    found = re.search(r"[A-E]", text)
    return found[0] if found else None


def stated_letters(text: str) -> list[str]:
    """The letters that are stated as the answer, as in "the answer is (B)"."""
    return re.findall(r"(?i:answer)\s*(?i:is\b)?\s*[:\-]?\s*\(?([A-E])\b", text)


def stated_letter(text: str) -> str | None:
    """The last letter that is stated as the answer; without one, the first letter."""
    stated = stated_letters(text)
    return stated[-1] if stated else first_letter(text)


def first_label(family: str, text: str) -> str | None:
    """The first label anywhere, inside words too, in small letters only (LLM-Adapters, as released).

    "Untrue" has true, "answer12" has answer1, and an echo of "answer1/answer2" has answer1.
    """
    found = re.search("|".join(LABELS[family]), text)
    return found[0] if found else None


def stated_label(family: str, text: str) -> str | None:
    """The last label that is stated as the answer, as in "the correct answer is Solution 2"; without one, the first.

    A label is a word of its own, in small or capital letters, and none of a list such as "answer1/answer2".
    """
    label = "|".join(re.sub(r"(\d)", r"\\s?\1", each) for each in LABELS[family])
    label = rf"(?<![\w/])(?<!/ )({label})\b(?! ?/)"
    stated = re.findall(rf"(?i)\banswer\b\s*(?:is\b)?\s*[:\-]?\s*[(\"'*]*{label}", text)
    found = stated[-1:] or re.findall(f"(?i){label}", text)[:1]
    return re.sub(r"\s", "", found[0]).lower() if found else None


EXTRACTORS: dict[str, Callable[[str], str | None]] = {
    "last-number@1": last_number,
    "first-letter@1": first_letter,
    "stated-letter@1": stated_letter,
    **{f"first-{family}@1": partial(first_label, family) for family in LABELS},
    **{f"stated-{family}@1": partial(stated_label, family) for family in LABELS},
}


def rules(kind: str, gold: str) -> Rules:
    """The two rules that read an answer of this kind; those of a choice look for the labels that `gold` is one of.

    Args:
        kind: "number", "letter" or "choice".
        gold: a right answer, such as "42", "B" or "solution2".

    Raises:
        UnknownExtractor: no rule looks for such a label.
        UnknownKind: such answers are not read out of a text.
    """
    match kind:
        case "number":
            return Rules("last-number@1", "last-number@1")
        case "letter":
            return Rules("first-letter@1", "stated-letter@1")
        case "choice":
            family = label_family(gold)
            return Rules(f"first-{family}@1", f"stated-{family}@1")
    raise _unknown_kind(kind)


def label_family(label: str) -> str:
    """The family of `LABELS` that a label belongs to.

    Raises:
        UnknownExtractor: it belongs to none.
    """
    for family, labels in LABELS.items():
        if label in labels:
            return family
    known = ", ".join(label for labels in LABELS.values() for label in labels)
    raise UnknownExtractor(f"{label!r} is no label of a choice; there are {known}")


def extract(name: str, text: str) -> str | None:
    """The answer that the rule `name` finds in `text`, or None.

    Raises:
        UnknownExtractor: there is no rule of that name.
    """
    if name not in EXTRACTORS:
        raise UnknownExtractor(f"no extractor is called {name!r}; there are {', '.join(EXTRACTORS)}")
    return EXTRACTORS[name](text)


def matches(kind: str, predicted: str | None, gold: str) -> bool:
    """Whether `predicted` is right: numbers within 0.001 of each other, letters and labels equal; None never is.

    Raises:
        UnknownKind: such answers are not read out of a text.
    """
    if kind not in ("number", "letter", "choice"):
        raise _unknown_kind(kind)
    if predicted is None:
        return False
    if kind == "number":
        return abs(float(predicted) - float(gold)) <= TOLERANCE
    return predicted == gold


def _unknown_kind(kind: str) -> UnknownKind:
    return UnknownKind(f"an answer that is read out of a text is of kind 'number', 'letter' or 'choice', not {kind!r}")
