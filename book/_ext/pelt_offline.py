"""Make the built book whole without a network: MathJax from the Python package, no script that calls home."""

import re
from importlib.util import find_spec
from pathlib import Path
from shutil import copy2

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

ENTRY = "tex-chtml.js"
FONTS = "output/chtml/fonts/woff-v2"


def _package() -> Path:
    spec = find_spec("sphinx-mathjax-offline")
    if spec is None or not spec.submodule_search_locations:
        raise ExtensionError("the book needs MathJax from the package sphinx-mathjax-offline; pip install -e '.[book]'")
    return Path(spec.submodule_search_locations[0]) / "static" / "mathjax"


def _use_local_mathjax(app: Sphinx, config: Config) -> None:
    config.mathjax_path = f"mathjax/{ENTRY}"


def _copy_mathjax(app: Sphinx, failure: Exception | None) -> None:
    if failure or app.builder.format != "html":
        return
    source, target = _package(), Path(app.outdir) / "_static" / "mathjax"
    for file in (source / ENTRY, *(source / FONTS).glob("*.woff")):
        copy = target / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy2(file, copy)


def _drop_thebe(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """The theme always adds the script of its live-code service; the book offers no such service."""
    context["script_files"] = [s for s in context.get("script_files", []) if "thebe" not in _said(s)]


def _drop_font_preloads(app: Sphinx, failure: Exception | None) -> None:
    """The theme preloads its icon fonts across origins, which a browser forbids to a page opened from a file."""
    if failure or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(re.sub(r'<link rel="preload" as="font"[^>]*>\s*', "", text), encoding="utf-8")


def _said(script: object) -> str:
    return f"{getattr(script, 'filename', script)} {getattr(script, 'attributes', {})}".lower()


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("config-inited", _use_local_mathjax)
    app.connect("html-page-context", _drop_thebe, priority=900)
    app.connect("build-finished", _copy_mathjax)
    app.connect("build-finished", _drop_font_preloads)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
