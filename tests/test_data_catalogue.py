import re

import pytest

from pelt_core.data import catalogue
from pelt_core.data.catalogue import DATASETS, UnknownDataset, answer_kind


def test_an_unknown_set_or_split_lists_those_that_there_are() -> None:
    with pytest.raises(UnknownDataset, match=r"'gsm9k'; there are gsm8k, svamp"):
        catalogue.card("gsm9k")
    with pytest.raises(UnknownDataset, match=r"'hellaswag' has no split 'dev'; it has train, train_first3368"):
        catalogue.pin("hellaswag", "dev")
    assert (answer_kind("aqua"), answer_kind("glue-stsb")) == ("letter", "score")


def test_pins_are_complete() -> None:
    for card in DATASETS.values():
        assert card.answer_kind in ("number", "letter", "choice", "label", "score", "text")
        assert card.licence
        assert card.summary
        for pin in card.splits.values():
            assert re.fullmatch("([0-9a-f]{64})?", pin.content_sha256)
            assert pin.whole_rows is None or (pin.file_rows and pin.file_rows < pin.whole_rows and not pin.hub)
            if pin.file:
                assert pin.file_rows and pin.file_rows >= pin.rows
                assert pin.sha256 or pin.hub
            if pin.sha256:
                assert re.fullmatch("[0-9a-f]{64}", pin.sha256)
                assert re.match(
                    r"https://raw\.githubusercontent\.com/.+/[0-9a-f]{40}/.+|.+@[0-9a-f]{40}:", str(pin.source)
                )


def test_no_two_splits_share_a_file() -> None:
    files = [pin.file for card in DATASETS.values() for pin in card.splits.values() if pin.file]
    assert len(files) == len(set(files)) > 80


def test_a_partial_split_says_by_its_name_how_many_rows_it_has() -> None:
    for card in DATASETS.values():
        for split, pin in card.splits.items():
            if pin.whole_rows:
                assert split.endswith((str(pin.file_rows), "first50")), (card.name, split)
