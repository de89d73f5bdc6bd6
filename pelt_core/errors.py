"""The one exception type that a user of the project ever has to catch."""


class PeltError(Exception):
    """Something the user asked for cannot be done; the message says what, why, and what to do instead.

    Subclasses are defined where they arise and also derive from the built-in exception that fits
    (`ValueError`, `LookupError`, `OSError`), so that either can be caught.
    """
