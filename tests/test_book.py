import re
from html import unescape

import nbformat
import pytest
import yaml

from pelt_core import publish

pytest_plugins = ["built_book"]
BOOK = publish.ROOT / "book"
PROSE = [*sorted(BOOK.glob("*.md")), BOOK / "methods.yml", *sorted((publish.ROOT / "notebooks").glob("*.ipynb"))]


def test_the_configuration_is_found_from_the_root():
    assert (publish.ROOT / "_config.yml").exists()
    assert not (BOOK / "_config.yml").exists()
    assert yaml.safe_load((publish.ROOT / "_config.yml").read_text())["execute"] == {"execute_notebooks": "off"}


def test_every_page_of_the_contents_is_built(html):
    contents = (BOOK / "_toc.yml").read_text()
    for name in re.findall(r"(?:root|file): (\S+)", contents):
        assert (html / f"{name}.html").exists(), name


def test_no_page_asks_for_anything_remote(pages):
    for page in pages:
        text = page.read_text()
        assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(?:https?:)?//[^"]+"', text), page.name
        assert not re.findall(r"<script[^>]*src=[^>]*thebe", text), page.name


def test_local_links_and_their_anchors_resolve(pages):
    texts = {page: page.read_text() for page in pages}
    for page, text in texts.items():
        for href in set(re.findall(r'href="([^":?]*)(?:\?[^"]*)?"', text)):
            name, _, anchor = unescape(href).partition("#")
            target = (page.parent / name).resolve() if name else page
            assert target.exists(), (page.name, href)
            if anchor and target in texts:
                assert f'id="{anchor}"' in texts[target], (page.name, href)


def test_images_resolve(pages):
    """A figure glued from another page would become a broken image without a warning."""
    for page in pages:
        for source in re.findall(r'<img[^>]+src="([^":]+)"', page.read_text()):
            assert (page.parent / source).exists(), (page.name, source)


def test_every_figure_says_in_words_what_it_shows(pages):
    for page in pages:
        for image in re.findall(r"<img[^>]+>", page.read_text()):
            assert re.search(r'alt="[^"]{20,}"', image), (page.name, image)


def test_mathjax_is_shipped(html):
    assert (html / "_static" / "mathjax" / "tex-chtml.js").exists()
    assert list((html / "_static" / "mathjax").rglob("*.woff"))


def without(text, *patterns):
    """`text` less everything that matches."""
    for pattern in patterns:
        text = re.sub(pattern, "", text, flags=re.S)
    return text


def prose(path):
    """The words of a page, without code, equations, references, options of directives and raw blocks."""
    if path.suffix == ".md":
        text = path.read_text()
    elif path.suffix == ".yml":
        told = yaml.safe_load(path.read_text())
        text = "\n\n".join(
            one["text"] for what in told.values() for one in (what if isinstance(what, list) else what.values())
        )
    else:
        cells = nbformat.read(path, 4).cells
        captions = [str(cell.metadata.get("mystnb", "")) for cell in cells]
        text = "\n\n".join([cell.source for cell in cells if cell.cell_type == "markdown"] + captions)
    text = re.sub(r"^---\n.*?\n---\n", "", text, flags=re.S)
    return without(
        text,
        r"\$\$.*?\$\$(?: \([\w-]+\))?",
        r"\$[^$\n]+\$",
        r"```(?:bash|python|\{raw\}|\{literalinclude\}|\{bibliography\}).*?```",
        r"(?m)^(?::{3,}|`{3,})\{[^\n]*$",
        r"(?m)^:[\w-]+:[^\n]*$",
        r"\{[\w:]+\}`[^`]*`",
        r"`[^`\n]*`",
        r"\]\([^)]*\)",
        r"(?m)^\([\w-]+\)=$",
    )


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.stem)
def test_no_number_in_the_prose_is_typed(path):
    """Names may hold digits (GSM8K, LLaMA-7B); any other number must be glued or computed."""
    words = re.findall(r"[\w.,%−+-]*\d[\w.,%−+-]*", prose(path))
    assert not [word for word in words if not re.search(r"[A-Za-z]", word)]


def test_the_scan_for_typed_numbers_sees_one(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("On GSM8K, with $r = 8$ and {glue:text}`x::y:.2f`, accuracy is 61.7 % `n=3`.")
    assert re.findall(r"\d+\.\d", prose(page)) == ["61.7"]


def test_pages_show_results_and_nothing_else():
    for page in sorted((BOOK / "studies").glob("*.ipynb")):
        outputs = [output for cell in nbformat.read(page, 4).cells for output in cell.get("outputs", [])]
        assert outputs
        assert not [output for output in outputs if output.output_type in ("stream", "error")], page.name
