from pelt_core.data.audit.overlap import Keyed

TRAINING = Keyed(["Tim has 3 cats.", "Ann lost 4.0 balls .", "...", "Seven days?"])
ASKED = Keyed(["Tim has 3 cats.", "ann lost 4 balls", "Tim has 12 cats.", "???", "Seven nights?"])


def test_every_key_finds_what_the_one_before_finds_and_more() -> None:
    assert ASKED.found_in(TRAINING, "exact") == [0]
    assert ASKED.found_in(TRAINING, "normalised") == [0, 1]
    assert ASKED.found_in(TRAINING, "masked") == [0, 1, 2]


def test_texts_without_letters_and_digits_are_not_all_the_same() -> None:
    assert 3 not in ASKED.found_in(TRAINING, "normalised")


def test_repeated_texts_are_found_each_time() -> None:
    assert Keyed(["Tim has 3 cats."] * 2).found_in(TRAINING, "exact") == [0, 1]
