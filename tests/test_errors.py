import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import pelt_core
from pelt_core.errors import PeltError

BUILT_IN = (ValueError, LookupError, OSError, RuntimeError, TypeError)
# Rows that are left out are caught and counted where they arise; the user meets their number, not these.
COUNTED = {"Unworkable", "BadRow"}


def exceptions() -> Iterator[type[Exception]]:
    """Every exception class that a module of the package defines."""
    for info in pkgutil.walk_packages(pelt_core.__path__, "pelt_core."):
        if info.name.endswith("__main__"):
            continue
        for value in vars(importlib.import_module(info.name)).values():
            if not isinstance(value, type) or value.__module__ != info.name:
                continue
            if issubclass(value, Exception) and not issubclass(value, Warning):
                yield value


def test_every_error_can_be_caught_as_one_of_ours_and_as_a_built_in() -> None:
    found = {error for error in exceptions() if error is not PeltError and error.__name__ not in COUNTED}
    assert len(found) >= 3
    for error in found:
        assert issubclass(error, PeltError), f"{error} is not a PeltError"
        assert issubclass(error, BUILT_IN), f"{error} has no built-in base"
        assert error.__doc__, f"{error} does not say when it arises"


def test_message_is_what_the_user_reads() -> None:
    with pytest.raises(PeltError, match="^no such method$"):
        raise PeltError("no such method")
