import pytest

from pelt_core.data.audit.balance import lengths, majority, repeats
from pelt_core.data.audit.overlap import Keyed


def test_repeats_are_counted_by_each_key_and_contradictions_by_letters_and_digits() -> None:
    keys = Keyed(["Ice 1", "ice 1.", "ice 2", "fire", "fire"]).by_key
    found = repeats(keys, ["yes", "no", "yes", "yes", "yes"])
    assert found.distinct == {"exact": 4, "normalised": 3, "masked": 2}
    assert found.contradictory == 1
    assert repeats(keys, []).contradictory == 0


def test_the_majority_is_what_the_commonest_answer_scores() -> None:
    assert majority(["a", "b", "b", "c"]) == 0.5
    assert majority([]) is None


def test_lengths_are_in_words() -> None:
    found = lengths([" ".join(["word"] * n) for n in range(101)])
    assert found == {"5": pytest.approx(5), "25": 25, "50": 50, "75": 75, "95": pytest.approx(95), "longest": 100}
