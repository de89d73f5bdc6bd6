"""The page on the ledger: its table, what the columns of the download hold, and the files to download."""

from functools import cache
from pathlib import Path

import pandas as pd
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from pelt_core.pages import ROOT
from pelt_core.report import explorer
from pelt_core.study import export
from pelt_core.study.ledger import Ledger
from pelt_core.study.presets import ledger_folder

FILES = ("runs.csv", "runs.parquet")


@cache
def runs(preset: str, ledger: str = "") -> pd.DataFrame:
    """Every run in the ledger of a preset, or in this folder."""
    return export.table(Ledger(ROOT / (ledger or ledger_folder(preset))), preset)


class Runs(SphinxDirective):
    """Every recorded run, and links to the files."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # rows may have come
        found = runs(self.config.pelt_preset, self.config.pelt_ledger_folder)
        links = ", ".join(f'<a href="_static/ledger/{name}" download>{name}</a>' for name in FILES)
        told = f"<p>{len(found):,} runs of preset <code>{self.config.pelt_preset}</code>. Download: {links}.</p>"
        return [nodes.raw("", told + explorer.table(found), format="html")]


class Columns(SphinxDirective):
    """What each column of the files holds."""

    def run(self) -> list[nodes.Node]:
        return [nodes.raw("", explorer.glossary(), format="html")]


def _write_files(app: Sphinx, failure: Exception | None) -> None:
    if failure or app.builder.format != "html":
        return
    for name in FILES:
        export.write(
            runs(app.config.pelt_preset, app.config.pelt_ledger_folder), Path(app.outdir) / "_static" / "ledger" / name
        )


def setup(app: Sphinx) -> dict[str, object]:
    app.add_config_value("pelt_preset", "laptop", "env", types=(str,))
    app.add_config_value("pelt_ledger_folder", "", "env", types=(str,))
    app.add_directive("pelt-runs", Runs)
    app.add_directive("pelt-columns", Columns)
    app.connect("build-finished", _write_files)
    return {"version": "1", "parallel_read_safe": True}
