import logging as python_logging
import sys

import pytest
from transformers.utils import logging

from pelt_core import quiet


@pytest.mark.parametrize("terminal", [True, False])
def test_bars_are_for_terminals_and_come_back(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    logging.enable_progress_bar()
    with pytest.raises(ZeroDivisionError), quiet.progress_on_terminals_only():
        assert logging.is_progress_bar_enabled() is terminal
        raise ZeroDivisionError
    assert logging.is_progress_bar_enabled()


def test_bars_that_the_user_turned_off_stay_off() -> None:
    logging.disable_progress_bar()
    try:
        with quiet.progress_on_terminals_only():
            assert not logging.is_progress_bar_enabled()
        assert not logging.is_progress_bar_enabled()
    finally:
        logging.enable_progress_bar()


def test_errors_only_lasts_as_long_as_its_block() -> None:
    before = logging.get_verbosity()
    with quiet.errors_only():
        assert logging.get_verbosity() == python_logging.ERROR
    assert logging.get_verbosity() == before
