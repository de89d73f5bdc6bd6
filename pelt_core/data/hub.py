"""Rows from the Hugging Face hub, of sets that need no loading script."""

from typing import Any

CONVERTED = "refs/convert/parquet"  # the revision of what a loading script once made: <config>/<split>/*.parquet


def hub_rows(hub: dict[str, str]) -> list[dict[str, Any]]:
    """The rows of a split, as its publisher stores them on the hub; `datasets` keeps the download.

    Args:
        hub: id, config, split and revision, as in a pin.
    """
    import datasets  # here, as its import takes seconds and a mirror does without it

    place = {"data_dir" if hub["revision"] == CONVERTED else "name": hub["config"]}
    return [
        dict(row) for row in datasets.load_dataset(hub["id"], split=hub["split"], revision=hub["revision"], **place)
    ]


def address(hub: dict[str, str]) -> str:
    """A place on the hub in one line: "openai/gsm8k (main, test)"."""
    revision = "" if hub["revision"] == "main" else f", {hub['revision']}"
    return f"{hub['id']} ({hub['config']}, {hub['split']}{revision})"
