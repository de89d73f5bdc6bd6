"""`pelt report`: execute the notebooks whose pages are out of date, several at once, and build the book.

A page is executed again when its fingerprint changes, see `pelt_core.pages`, or when a package does. The fingerprint
stands in the page, so that a test can say whether a committed page is stale; the stamp that says "executed on this
machine" stands in `_runs/`, so that a fresh clone executes everything once. Executing the same rows with the same
packages again gives the same bytes. A tutorial, which runs the library itself, is executed again on this machine
whenever the library changes.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import chdir, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from pelt_core.errors import PeltError
from pelt_core.study.presets import block, is_file, ledger_folder
from pelt_core.writing import write_whole

try:
    import nbformat
    import papermill
    from jupyter_core.utils import ensure_event_loop
    from nbformat import NotebookNode
    from papermill.exceptions import PapermillExecutionError

    from pelt_core import pages
except ModuleNotFoundError as missing:
    raise PeltError(f"the report needs {missing.name}: run `pip install 'pelt-core[book]'`") from None

ROOT = pages.ROOT
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


ABOVE = ("cli", "report", "study")
"""Of the library, what the rest of it, and so a tutorial, does not import."""
BUILDER = "from jupyter_book.cli.main import main; main()"
"""Works also where the environment's `bin` is not on the path; run with -P, as a site holds files of the library."""


class NoSources(PeltError, FileNotFoundError):
    """The notebooks and the book are not where they should be."""


class PageFailed(PeltError, RuntimeError):
    """A notebook did not run to its end; its page is as it was."""


class BuildFailed(PeltError, RuntimeError):
    """The book did not build without a warning."""


def notebooks(root: Path = ROOT) -> list[Path]:
    """The sources of all pages, those first that take longest: tutorials, which train and answer.

    Raises:
        NoSources: `root` is not a clone of the project.
    """
    sources = sorted((root / "notebooks").glob("*.ipynb"))
    if not sources:
        raise NoSources(f"there are no notebooks in {root / 'notebooks'}; `pelt report` runs in a clone of the project")
    return sorted(sources, key=lambda source: pages.page(source).folder != "tutorials")


def report(
    preset: str = pages.PUBLISHED,
    force: bool = False,
    root: Path = ROOT,
    tell: Callable[[str], None] = lambda line: None,
    ledger: Path | None = None,
) -> Path:
    """Execute the notebooks whose pages are out of date, one on each core, and build the book.

    Args:
        preset: whose rows to show, a name or a file. The pages of `laptop` are written into the tree, those of other
            presets or another ledger beside it.
        force: execute every notebook, whatever its fingerprint.
        root: of a clone of the project.
        tell: called with a line on what is to be done, after each notebook, and before the book is built.
        ledger: the folder to read rows from instead of the preset's.

    Returns:
        The path of the book's first page.

    Raises:
        UnknownPreset: there is no such preset, or file.
        NoSources: `root` is not a clone of the project.
        PageFailed: names the notebook, the cell and the error.
        BuildFailed: shows what the book builder complained about.
    """
    block(preset)
    preset = str(Path(preset).resolve()) if is_file(preset) else preset  # notebooks are executed in `root`
    ledger = ledger and ledger.resolve()
    own = preset == pages.PUBLISHED and ledger is None
    rows = ledger or (root / ledger_folder(preset)).resolve()
    site = root if own else folder(root, [Path(preset).stem], preset, rows)
    sources, due = notebooks(root), []
    for source in sources:
        parameters, place = pages.parameters(source, preset, ledger), site if pages.page(source).studies else root
        mark = pages.fingerprint(source, parameters, root)
        if force or not current(source, place, mark):
            due.append((source, parameters, place, mark, root))
    tell(f"{len(sources) - len(due)} of {len(sources)} pages are current, {len(due)} to execute")
    with chdir(root), ThreadPoolExecutor(_cores()) as pool:  # papermill itself goes there, with the whole process
        running = {pool.submit(execute, *one): one[0] for one in due}
        try:
            for number, finished in enumerate(as_completed(running), 1):
                tell(f"{number}/{len(due)} {running[finished].stem}: {finished.result():.0f} s")
        finally:
            pool.shutdown(cancel_futures=True)
    tell("building the book")
    if site != root:
        copy_sources(root, site, preset, ledger)
    return build(site)


def folder(root: Path, said: Sequence[str], *decides: object) -> Path:
    """Where a report that is not the project's own is made: `_runs/report/placement-smoke-SmolLM2-360M-0f3a77b1`.

    Args:
        root: of a clone of the project.
        said: what its name begins with, for the reader.
        decides: all that tells it from other reports; its end is a digest of them.
    """
    begins = re.sub(r"[^\w.-]+", "_", "-".join(said))[:100]
    digest = hashlib.sha256(json.dumps([str(one) for one in decides]).encode()).hexdigest()
    return root / "_runs" / "report" / f"{begins}-{digest[:8]}"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def current(source: Path, site: Path, mark: str) -> bool:
    """Whether the page in `site` was made on this machine, by these packages, from what has the fingerprint `mark`."""
    page, stamp = pages.path(source, site), _stamp_path(source, site)
    return page.exists() and stamp.exists() and json.loads(stamp.read_text()) == _stamp(mark, page)


def execute(source: Path, parameters: dict[str, Any], site: Path, mark: str, root: Path = ROOT) -> float:
    """Execute a notebook into `site/book`; its page says `mark`.

    Returns:
        How many seconds it took.

    Raises:
        PageFailed: the page is left as it was; the notebook with its error is kept in `_runs/failed` of `site`.
    """
    started, page, stamp = time.perf_counter(), pages.path(source, site), _stamp_path(source, site)
    failed = site / "_runs" / "failed" / source.name
    for folder in (failed.parent, page.parent / "figures", stamp.parent):
        folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=failed.parent) as own:  # another report may execute the same notebook
        draft = Path(own, source.name)
        try:
            with closing(ensure_event_loop()):  # that of this thread
                papermill.execute_notebook(source, draft, parameters=parameters, cwd=root, progress_bar=False)
        except PapermillExecutionError as error:
            raise PageFailed(_failure(source, draft.replace(failed), error)) from None
        notebook = tidy(nbformat.read(draft, 4), {"fingerprint": mark, "parameters": parameters})
    for name, picture in _figures(notebook):
        write_whole(page.parent / "figures" / f"{name}.svg", picture)
    write_whole(page, nbformat.writes(notebook) + "\n")
    write_whole(stamp, json.dumps(_stamp(mark, page)))
    return time.perf_counter() - started


def _stamp_path(source: Path, site: Path) -> Path:
    return site / "_runs" / "pages" / f"{source.stem}.json"


def _stamp(mark: str, page: Path) -> dict[str, Any]:
    """What must be unchanged for a page to stay: its sources, its bytes, and the packages that made it."""
    library = hashlib.sha256()
    if page.parent.name == "tutorials":
        package = Path(__file__).parent
        for file in sorted(package.rglob("*.py")):
            if file.relative_to(package).parts[0] not in ABOVE:
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


def copy_sources(root: Path, site: Path, preset: str, ledger: Path | None) -> None:
    """The book's sources, for another preset, beside the pages of its own studies."""
    shutil.copytree(root / "book", site / "book", ignore=shutil.ignore_patterns("studies"), dirs_exist_ok=True)
    presets = Path("pelt_core", "presets")  # the book quotes them
    shutil.copytree(root / presets, site / presets, dirs_exist_ok=True)
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    config["sphinx"]["config"]["pelt_preset"] = preset
    if ledger is not None:
        config["sphinx"]["config"]["pelt_ledger_folder"] = str(ledger)
    (site / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")


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
