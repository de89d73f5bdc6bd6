"""Rebuild a page when a notebook whose numbers it quotes has changed; Sphinx does not know that by itself."""

from docutils import nodes
from myst_nb.ext.glue.utils import PendingGlueReference
from sphinx.application import Sphinx


def _depend_on_quoted_notebooks(app: Sphinx, doctree: nodes.document) -> None:
    for quoted in doctree.findall(PendingGlueReference):
        app.env.note_dependency(app.env.doc2path(quoted.refdoc, base=False))


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("doctree-read", _depend_on_quoted_notebooks)
    return {"version": "1", "parallel_read_safe": True}
