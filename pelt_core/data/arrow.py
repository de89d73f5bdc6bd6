"""Prepared splits kept as Arrow files in the user's cache folder, so that a second load is instant.

A file is named by the sha256 that the content of its rows is pinned to. Rows pinned otherwise are thus other files, and
a split whose content is not pinned is not kept.
"""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pelt_core.data.catalogue import Pin
from pelt_core.folders import cache_folder

if TYPE_CHECKING:
    from datasets import Dataset

REMARK = b"pelt_remark"  # a key of the file's own metadata

log = logging.getLogger(__name__)


def kept(name: str, split: str, pin: Pin) -> "tuple[Dataset, str] | None":
    """The rows of a split, mapped into memory, and the remark kept with them; None if they are not there."""
    import pyarrow  # here, as their imports take seconds
    from datasets import Dataset

    path = _path(name, split, pin)
    if not pin.content_sha256 or not path.is_file():
        return None
    try:
        with pyarrow.memory_map(str(path)) as stored:
            remark = pyarrow.ipc.open_stream(stored).schema.metadata[REMARK].decode()
        dataset = Dataset.from_file(str(path))
    except (OSError, ValueError, TypeError, KeyError) as error:  # a file that is cut off, or none of ours
        log.warning("%s cannot be read and is made again: %s", path, error)
        return None
    return (dataset, remark) if len(dataset) == pin.rows else None


def keep(name: str, split: str, pin: Pin, rows: list[dict[str, Any]], remark: str) -> "Dataset":
    """Rows -> a dataset, kept with its remark for the next load where its content is pinned."""
    import pyarrow
    from datasets import Dataset

    dataset = Dataset.from_list(rows)
    if pin.content_sha256:
        path = _path(name, split, pin)
        part = path.with_suffix(f".{os.getpid()}.part")
        table = dataset.data.table
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), REMARK: remark.encode()})
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with pyarrow.OSFile(str(part), "wb") as sink, pyarrow.ipc.new_stream(sink, table.schema) as stream:
                stream.write_table(table)
            part.replace(path)
        except OSError as error:
            log.warning("%s/%s is not kept for the next time: %s", name, split, error)
    return dataset


def _path(name: str, split: str, pin: Pin) -> Path:
    return cache_folder() / "data" / f"{name}-{split}-{pin.content_sha256[:32]}.arrow"
