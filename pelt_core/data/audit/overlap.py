"""Which items of an evaluation set a training set has, by three keys of ever less detail."""

from collections.abc import Callable, Iterable

from pelt_core.data.normalise import mask_numbers, normalise_question

KEYS: dict[str, Callable[[str], str]] = {"exact": str, "normalised": normalise_question, "masked": mask_numbers}
"""How two texts are held to be the same: to the character, by letters and digits, by letters and places of numbers."""


class Keyed:
    """The texts of a set under every key.

    Args:
        texts: in order; a text occurs as often as the set has it.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        texts = list(texts)
        self.by_key = {name: [key(text) for text in texts] for name, key in KEYS.items()}
        self.distinct = {name: frozenset(keys) - {""} for name, keys in self.by_key.items()}

    def found_in(self, other: "Keyed", key: str) -> list[int]:
        """The positions of the texts that `other` has under this key; a text without a letter or digit has none."""
        return [i for i, text in enumerate(self.by_key[key]) if text in other.distinct[key]]
