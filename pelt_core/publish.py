"""`pelt report`: execute the notebooks, those of studies on the ledger, others on the results that they show.

Then the book is built.

A study's page is executed again when its fingerprint changes (notebook, parameters, rows, published results, the code
that turns rows into a page) or when a package does. The fingerprint stands in the page, so that a test can say whether
a committed page is stale; the stamp that says "executed on this machine" stands in `_runs/`, so that a fresh clone
executes everything once. Executing the same rows with the same packages again gives the same bytes. A page of
benchmarks is kept in the same way; in place of rows it has the files of results, and a page on data has records.

Any other notebook is a tutorial, which runs the library itself: its page is executed again on this machine whenever
the library changes, and in a fresh clone.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pelt_core.errors import PeltError
from pelt_core.report import claims
from pelt_core.study.grids import STUDIES, grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.presets import ledger_folder

try:
    import nbformat
    import papermill
    from nbformat import NotebookNode
    from papermill.exceptions import PapermillExecutionError
except ModuleNotFoundError as missing:
    raise PeltError(f"the report needs {missing.name}: run `pip install 'pelt-core[book]'`") from None

ROOT = Path(__file__).parents[1]
PUBLISHED = "laptop"
"""The preset whose pages are committed; those of any other are built in `_runs/report/`."""
RESULTS = "benchmarks/results"
"""Where `python -m benchmarks.NAME` writes what it measured."""
BENCHMARKS = {"speed"}
"""The notebooks that show the results of `python -m benchmarks`."""
RECORDS = {"data_audit": ("audit",), "data_construction": ("math10k", "commonsense170k")}
"""Notebook on data -> the records in `data/records/`, counts without rows, that it shows."""
PAGE_CODE = {
    "studies": ("report", "study/statistics.py"),
    "benchmarks": ("report/speed", "report/names.py", "report/style.py", "report/tables.py", "report/words.py"),
    "data": (
        "report/audit",
        "report/construction",
        "report/names.py",
        "report/style.py",
        "report/tables.py",
        "report/words.py",
    ),
    "tutorials": (),
}
"""What turns results into a page. All other code acts on it through the results and their keys, which are hashed."""
PACKAGES = (
    "ipykernel",
    "matplotlib",
    "myst-nb",
    "nbclient",
    "numpy",
    "pandas",
    "papermill",
    "scipy",
    "seaborn",
    "statsmodels",
)


BUILDER = "from jupyter_book.cli.main import main; main()"
"""Works also where the environment's `bin` is not on the path; run with -P, as a site holds files of the library."""


class NoSources(PeltError, FileNotFoundError):
    """The notebooks and the book are not where they should be."""


class PageFailed(PeltError, RuntimeError):
    """A notebook did not run to its end; its page is as it was."""


class BuildFailed(PeltError, RuntimeError):
    """The book did not build without a warning."""


def report(preset: str = PUBLISHED, force: bool = False, root: Path = ROOT) -> Path:
    """Execute the notebooks whose pages are out of date, and build the book.

    Args:
        preset: whose rows to show. The pages of `laptop` are written into the tree, those of other presets beside it.
        force: execute every notebook, whatever its fingerprint.
        root: of a clone of the project.

    Returns:
        The path of the book's first page.

    Raises:
        NoSources: `root` is not a clone of the project.
        PageFailed: names the notebook, the cell and the error.
        BuildFailed: shows what the book builder complained about.
    """
    sources = sorted((root / "notebooks").glob("*.ipynb"))
    if not sources:
        raise NoSources(f"there are no notebooks in {root / 'notebooks'}; `pelt report` runs in a clone of the project")
    for source in sources:
        if kind(source) != "studies":
            refresh(source, parameters(source), root, force, root)
    site = root if preset == PUBLISHED else _beside(root, preset)
    for source in sources:
        if kind(source) == "studies":
            refresh(source, parameters(source, preset), site, force, root)
    return build(site)


def parameters(source: Path, preset: str = PUBLISHED) -> dict[str, Any]:
    """The parameters that a notebook is executed with; `preset` is for those of studies."""
    match kind(source):
        case "studies":
            return {"preset": preset, "ledger": ledger_folder(preset).as_posix()}
        case "benchmarks":
            return {"results": RESULTS}
        case "data":
            return {name: f"data/records/{name}.json" for name in RECORDS[source.stem]}
    return {}


def fingerprint(source: Path, parameters: dict[str, Any], root: Path = ROOT) -> str:
    """Digest of all that decides a page but the packages: notebook, parameters, results, and the code that shows them.

    Of a tutorial, notebook and parameters alone: its code is the whole library.
    """
    digest = hashlib.sha256()
    for cell in nbformat.read(source, 4).cells:
        digest.update(json.dumps([cell.cell_type, cell.source, cell.metadata], sort_keys=True).encode())
    digest.update(json.dumps(parameters, sort_keys=True).encode())
    for name, content in _shown(source, parameters, root):
        digest.update(name.encode() + content)
    for file in _page_code(kind(source)):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _shown(source: Path, parameters: dict[str, Any], root: Path) -> Iterator[tuple[str, bytes]]:
    """The recorded results that a page shows, by name."""
    match kind(source):
        case "studies":
            ledger = Ledger(root / parameters["ledger"])
            for run in grid(source.stem, parameters["preset"]):
                row = ledger.row_path(run.key)
                yield run.key, row.read_bytes() if row.exists() else b""
            yield "", (root / claims.PUBLISHED).read_bytes()
        case "benchmarks":
            for file in sorted((root / parameters["results"]).glob("*.json")):
                yield file.name, file.read_bytes()
        case "data":
            for name in RECORDS[source.stem]:
                yield name, (root / parameters[name]).read_bytes()


def _page_code(kind: str) -> Iterator[Path]:
    for name in PAGE_CODE[kind]:
        path = Path(__file__).parent / name
        yield from sorted(path.glob("*.py")) if path.is_dir() else [path]


def refresh(source: Path, parameters: dict[str, Any], site: Path, force: bool = False, root: Path = ROOT) -> bool:
    """Execute a notebook into `site/book`, if its page is out of date.

    Returns:
        Whether it was executed.

    Raises:
        PageFailed: the page is left as it was; the notebook with its error is kept in `_runs/failed`.
    """
    page, stamp = page_of(source, site), site / "_runs" / "pages" / f"{source.stem}.json"
    mark = fingerprint(source, parameters, root)
    if not force and page.exists() and stamp.exists() and json.loads(stamp.read_text()) == _stamp(mark, page):
        return False
    draft = root / "_runs" / "failed" / source.name
    for folder in (draft.parent, page.parent, stamp.parent):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        papermill.execute_notebook(
            source, draft, parameters=parameters, cwd=root, progress_bar=sys.stderr.isatty(), log_output=False
        )
    except PapermillExecutionError as error:
        raise PageFailed(_failure(source, draft, error)) from None
    notebook = tidy(nbformat.read(draft, 4), {"fingerprint": mark, "parameters": parameters})
    for name, picture in _figures(notebook):
        _write(page.parent / "figures" / f"{name}.svg", picture)
    _write(page, nbformat.writes(notebook) + "\n")
    draft.unlink()
    _write(stamp, json.dumps(_stamp(mark, page)))
    return True


def kind(source: Path) -> str:
    """What a notebook is: of `studies`, `benchmarks`, `data` or `tutorials`."""
    kinds = {"studies": STUDIES, "benchmarks": BENCHMARKS, "data": RECORDS}
    return next((kind for kind, stems in kinds.items() if source.stem in stems), "tutorials")


def page_of(source: Path, site: Path = ROOT) -> Path:
    """Where the page of a notebook is."""
    return site / "book" / kind(source) / source.name.removeprefix("data_")


def _stamp(mark: str, page: Path) -> dict[str, Any]:
    """What must be unchanged for a page to stay: its sources, its bytes, and the packages that made it."""
    library = hashlib.sha256()
    if page.parent.name == "tutorials":
        for file in sorted(Path(__file__).parent.rglob("*.py")):
            library.update(file.read_bytes())
    return {
        "fingerprint": mark,
        "library": library.hexdigest(),
        "page": hashlib.sha256(page.read_bytes()).hexdigest(),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
    }


def tidy(notebook: NotebookNode, about: dict[str, Any]) -> NotebookNode:
    """Keep what depends on the sources; drop clocks, versions, and warnings, which name paths of this machine."""
    for cell in notebook.cells:
        if "outputs" in cell:
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        for noise in ("papermill", "execution"):
            cell.metadata.pop(noise, None)
        tags = cell.metadata.setdefault("tags", [])
        if "injected-parameters" in tags:
            cell["id"] = "injected-parameters"
        if {"parameters", "injected-parameters"} & set(tags) and "remove-cell" not in tags:
            tags.append("remove-cell")
    language = notebook.metadata.get("language_info", {}).get("name", "python")
    notebook.metadata = NotebookNode(
        kernelspec=notebook.metadata.kernelspec, language_info={"name": language}, pelt=about
    )
    return notebook


def _figures(notebook: NotebookNode) -> Iterator[tuple[str, str]]:
    """The named figures of an executed notebook, for other pages to show."""
    for cell in notebook.cells:
        name = cell.metadata.get("mystnb", {}).get("figure", {}).get("name")
        for output in cell.get("outputs", []):
            if name and "image/svg+xml" in output.get("data", {}):
                yield name, output["data"]["image/svg+xml"]


def _failure(source: Path, draft: Path, error: PapermillExecutionError) -> str:
    code = "\n".join(f"    {line}" for line in error.source.splitlines())
    return (
        f"{source.name} failed in cell {error.cell_index}:\n{code}\n{error.ename}: {error.evalue}\n"
        f"The page is as it was. The notebook with the whole traceback: {draft}"
    )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, path)


def _beside(root: Path, preset: str) -> Path:
    """A copy of the book's sources for another preset, with the stamps of its own pages."""
    site = root / "_runs" / "report" / preset
    shutil.copytree(root / "book", site / "book", ignore=shutil.ignore_patterns("studies"), dirs_exist_ok=True)
    (site / "pelt_core" / "study").mkdir(parents=True, exist_ok=True)
    for file in ("_config.yml", "pelt_core/study/presets.yml"):  # the book quotes the presets
        shutil.copy2(root / file, site / file)
    return site


def build(site: Path = ROOT) -> Path:
    """Build the book in `site`; a warning is an error.

    Returns:
        The path of its first page.

    Raises:
        BuildFailed: with what the builder printed.
    """
    command = [sys.executable, "-P", "-c", BUILDER, "build", "book/", "-W", "-n", "--keep-going", "-q"]
    plain = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=site, env=plain, capture_output=True, text=True, check=False)
    if done.returncode:
        complaints = [line for line in (done.stderr + done.stdout).splitlines() if "WARNING" in line or "ERROR" in line]
        raise BuildFailed("the book did not build:\n" + ("\n".join(complaints) or done.stderr or done.stdout))
    return site / "_build" / "html" / "index.html"
