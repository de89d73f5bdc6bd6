"""`pelt backbones`: what there is to choose from."""

from __future__ import annotations

import typer

from pelt_core.cli.console import show
from pelt_core.cli.options import AsJson

app = typer.Typer()


@app.command()
def backbones(as_json: AsJson = False) -> None:
    """The backbones known by name; a local folder or a Hugging Face id `owner/name` works as well.

    Example: `pelt run placement --set backbone=tiny-llama --set max_length=512`
    """
    from pelt_core.catalogue import BACKBONES

    names = ("name", "alias", "source", "architecture", "parameters", "licence", "summary")
    show([{name: getattr(row, name) for name in names} for row in BACKBONES.values()], as_json)
