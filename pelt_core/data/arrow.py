"""Prepared splits kept as Arrow files in the user's cache folder, so that a second load is instant.

A file is named by what decides its rows, so that rows decided otherwise are another file.
"""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pelt_core.data.reading import Prepared, content_sha256
from pelt_core.folders import cache_folder
from pelt_core.writing import draft

if TYPE_CHECKING:
    from datasets import Dataset

ABOUT = b"pelt"  # the key, in the file's own metadata, of what is kept beside the rows

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """The rows of a split, as `Prepared.remark` has them and with the hash of their content."""

    dataset: "Dataset"
    remark: str
    content_sha256: str


def kept(name: str, split: str, identity: str) -> Kept | None:
    """What is kept of a split, mapped into memory; None if that is nothing, or no longer whole."""
    import pyarrow  # here, as their imports take seconds
    from datasets import Dataset

    path = _path(name, split, identity)
    if not path.is_file():
        return None
    try:
        with pyarrow.memory_map(str(path)) as stored:
            about = json.loads(pyarrow.ipc.open_stream(stored).schema.metadata[ABOUT])
        dataset = Dataset.from_file(str(path))
        if (about["identity"], about["rows"]) != (identity, len(dataset)):
            raise ValueError(f"it has {len(dataset)} rows of {about}")
    except (OSError, ValueError, TypeError, KeyError) as error:
        log.warning("%s is not what was kept and is made again: %s", path, error)
        return None
    return Kept(dataset, about["remark"], about["content_sha256"])


def keep(name: str, split: str, identity: str, prepared: Prepared) -> Kept:
    """Prepared rows as a dataset, kept for the next load; not if `identity` is ""."""
    import pyarrow
    from datasets import Dataset

    made = Kept(Dataset.from_list(prepared.rows), prepared.remark, content_sha256(prepared.rows))
    if not identity:
        return made
    about = {
        "identity": identity,
        "rows": len(prepared.rows),
        "remark": made.remark,
        "content_sha256": made.content_sha256,
    }
    path = _path(name, split, identity)
    table = made.dataset.data.table
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), ABOUT: json.dumps(about)})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            draft(path) as unfinished,
            pyarrow.OSFile(str(unfinished), "wb") as sink,
            pyarrow.ipc.new_stream(sink, table.schema) as stream,
        ):
            stream.write_table(table)
    except OSError as error:
        log.warning("%s/%s is not kept for the next time: %s", name, split, error)
    return made


def _path(name: str, split: str, identity: str) -> Path:
    return cache_folder() / "data" / f"{name}-{split}-{identity[:32]}.arrow"
