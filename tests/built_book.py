"""The book, built once for all tests that read it, whichever worker they run on."""

import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from pelt_core import publish


@pytest.fixture(scope="session")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built pages; building them gave no warning."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    site = shared / "book-site"
    with FileLock(shared / "book-site.lock"):
        index = site / "_build" / "html" / "index.html"
        if not index.exists():
            for name in ("book", "_config.yml", "pelt_core/presets"):
                source, copy = publish.ROOT / name, site / name
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copytree(source, copy) if source.is_dir() else shutil.copy2(source, copy)
            assert publish.build(site) == index
    return index.parent


@pytest.fixture(scope="session")
def pages(html: Path) -> list[Path]:
    """The pages that a reader can open."""
    return sorted(page for page in html.rglob("*.html") if "_static" not in page.parts)
