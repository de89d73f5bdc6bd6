"""Finding the answer in what a model wrote: versioned rules, each a short function of the text."""

import re
from collections.abc import Callable

from pelt_core.errors import PeltError

TOLERANCE = 1e-3


class UnknownExtractor(PeltError, LookupError):
    """An extractor that does not exist; the message lists those that do."""


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


EXTRACTORS: dict[str, Callable[[str], str | None]] = {
    "last-number@1": last_number,
    "first-letter@1": first_letter,
    "stated-letter@1": stated_letter,
}

EXTRACTOR_FOR: dict[str, str] = {"number": "last-number@1", "letter": "stated-letter@1"}


def extract(name: str, text: str) -> str | None:
    """The answer that the rule `name` finds in `text`, or None.

    Raises:
        UnknownExtractor: there is no rule of that name.
    """
    if name not in EXTRACTORS:
        raise UnknownExtractor(f"no extractor is called {name!r}; there are {', '.join(EXTRACTORS)}")
    return EXTRACTORS[name](text)


def matches(kind: str, predicted: str | None, gold: str) -> bool:
    """Whether `predicted` is right: numbers within 0.001 of each other, letters equal. None is never right.

    Raises:
        ValueError: `kind` is neither "number" nor "letter".
    """
    if kind not in ("number", "letter"):
        raise ValueError(f"an answer is of kind 'number' or 'letter', not {kind!r}")
    if predicted is None:
        return False
    if kind == "letter":
        return predicted == gold
    return abs(float(predicted) - float(gold)) <= TOLERANCE
