"""What each page of the report is made from: its notebook, parameters, recorded results, and the code that shows them.

All of it is in the page's fingerprint, so that a page is executed again when one of them changes, and no other page is.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from pelt_core.report.speed.results import BENCHMARKS
from pelt_core.study.claims.published import PUBLISHED as PUBLISHED_RESULTS
from pelt_core.study.grids import STUDIES, grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.presets import ledger_folder, studies

ROOT = Path(__file__).parents[1]
PUBLISHED = "laptop"
"""The preset whose pages are committed; those of any other are built in `_runs/report/`."""
RESULTS = "benchmarks/results"
"""Where `python -m benchmarks.NAME` writes what it measured."""


@dataclass(frozen=True)
class Page:
    """What a notebook shows, and where its page is.

    Attributes:
        folder: of the executed page in `book`.
        studies: whose rows it reads; it is executed with a preset and its ledger.
        parameters: others that it is executed with.
        reads: files, or folders of files, that it shows; those of studies also show the published results.
    """

    folder: str
    studies: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    reads: tuple[str, ...] = ()


def _of_records(*names: str) -> Page:
    """A page on data shows records in `data/records`: counts without rows."""
    files = {name: f"data/records/{name}.json" for name in names}
    return Page("data", parameters=files, reads=tuple(files.values()))


PAGES = {
    "speed": Page(
        "benchmarks", parameters={"results": RESULTS}, reads=tuple(f"{RESULTS}/{name}.json" for name in BENCHMARKS)
    ),
    "data_audit": _of_records("audit"),
    "data_construction": _of_records("math10k", "commonsense170k"),
    "placement": Page("studies", ("placement", "answer-recipe")),
    "errors": Page("studies", ("arithmetic",)),
    "gates": Page("studies", ("gates", "low-resource", "glue-signal")),
    "frozen-head": Page("studies", ("frozen-head", "glue-signal")),
    "forgetting": Page("studies", ("answer-methods", "causal-gates", "bottleneck", "lora-rank", "virtual-tokens")),
    "second-decoder": Page("studies", ("second-decoder", "placement", "arithmetic", "causal-gates")),
    "training-data": Page("studies", ("training-data", "arithmetic")),
    "glue-decoder": Page("studies", ("glue-decoder", "low-resource")),
    "low-resource": Page("studies", ("low-resource", "glue-signal")),
    "claims": Page("studies", tuple(STUDIES), reads=("data/published", f"{RESULTS}/efficiency.json")),
    "efficiency": Page(
        "studies",
        ("low-resource",),
        parameters={"results": f"{RESULTS}/efficiency.json"},
        reads=(f"{RESULTS}/efficiency.json",),
    ),
}
"""Notebooks that show something else than the rows of the study that they are named after."""

BEHIND_ROWS = {f"pelt_core.study.{name}" for name in ("budgets", "grids", "ledger", "presets", "run")}
"""What decides runs and their keys acts on a page through the rows, which are hashed."""


def page(source: Path) -> Page:
    """What a notebook shows: named in `PAGES`, a study's rows, or else it is a tutorial, which runs the library."""
    own = Page("studies", (source.stem,)) if source.stem in STUDIES else Page("tutorials")
    return PAGES.get(source.stem, own)


def path(source: Path, site: Path = ROOT) -> Path:
    """Where the page of a notebook is."""
    return site / "book" / page(source).folder / source.name.removeprefix("data_")


def parameters(source: Path, preset: str = PUBLISHED, ledger: Path | None = None) -> dict[str, Any]:
    """The parameters that a notebook is executed with; those that read rows do so from `ledger`, or the preset's."""
    shown = page(source)
    rows = {"preset": preset, "ledger": (ledger or ledger_folder(preset)).as_posix()} if shown.studies else {}
    return {**rows, **shown.parameters}


def fingerprint(source: Path, parameters: Mapping[str, Any], root: Path = ROOT) -> str:
    """Digest of all that decides a page but the packages: notebook, parameters, results, and the code that shows them.

    Of a tutorial, notebook and parameters alone: its code is the whole library.
    """
    digest = hashlib.sha256()
    for cell in nbformat.read(source, 4).cells:
        digest.update(json.dumps([cell.cell_type, cell.source, cell.metadata], sort_keys=True).encode())
    digest.update(json.dumps(parameters, sort_keys=True).encode())
    for name, content in _results(page(source), parameters, root):
        digest.update(name.encode() + content)
    if page(source).folder != "tutorials":
        for file in code(source):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _results(shown: Page, parameters: Mapping[str, Any], root: Path) -> Iterator[tuple[str, bytes]]:
    """The recorded results that a page shows, by name; a row or file that is not there yet is empty."""
    files = [root / name for name in shown.reads]
    if shown.studies:
        ledger, budgeted = Ledger(root / parameters["ledger"]), studies(parameters["preset"])
        runs = [run for study in shown.studies if study in budgeted for run in grid(study, parameters["preset"])]
        files += [ledger.row_path(key) for key in dict.fromkeys(run.key for run in runs)]
        files.append(root / PUBLISHED_RESULTS)
    for given in files:
        for file in sorted(given.iterdir()) if given.is_dir() else [given]:
            yield file.name, file.read_bytes() if file.exists() else b""


def code(source: Path, package: Path = Path(__file__).parent) -> list[Path]:
    """The files that turn results into a page: what its notebook imports of `report` and of `study`, also indirectly.

    With a file of code go the files of data in its folder. What decides runs is left out, see `BEHIND_ROWS`.

    Args:
        source: the notebook.
        package: the folder of `pelt_core`.
    """
    cells = [cell.source for cell in nbformat.read(source, 4).cells if cell.cell_type == "code"]
    found: set[Path] = set()
    ahead = list(_imported("\n".join(cells), package))
    while ahead:
        file = ahead.pop()
        if file not in found:
            found.add(file)
            ahead += _imported(file.read_text(encoding="utf-8"), package)
    folders = {file.parent for file in found} - {package / "study"}  # whose data are the presets
    return sorted(found.union(*(folder.glob("*.yml") for folder in folders)))


def _imported(text: str, package: Path) -> Iterator[Path]:
    """The files of `report` and `study` that a text of code imports anywhere in it."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names] + [str(node.module)]
        else:
            continue
        for name in names:
            if name.startswith(("pelt_core.report", "pelt_core.study")) and name not in BEHIND_ROWS:
                stem = name.replace(".", "/")
                files = (package.parent / f"{stem}.py", package.parent / stem / "__init__.py")
                yield from (file for file in files if file.exists())
