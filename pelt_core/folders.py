"""Where this library keeps files of its own on a user's machine."""

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """For what can be made again: `$PELT_CACHE`, or else the platform's user cache folder for `pelt`."""
    return Path(os.environ.get("PELT_CACHE") or platformdirs.user_cache_dir("pelt"))
