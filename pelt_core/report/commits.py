"""Which code made something, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def commit(about: Mapping[str, Any]) -> str:
    """The first digits of a commit, and whether the code differed from it.

    Args:
        about: has `git_commit`, None where there was none, and `git_dirty`, see `pelt_core.provenance.collect`.
    """
    return f"`{(about['git_commit'] or 'no commit')[:10]}`{', with uncommitted changes' * bool(about['git_dirty'])}"
