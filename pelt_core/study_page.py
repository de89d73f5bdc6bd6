"""`pelt report STUDY`: the page of one study on runs of your own, as a small book beside that of the project."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from pelt_core import pages
from pelt_core.errors import PeltError
from pelt_core.publish import NoSources, build, copy_sources, execute, folder
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.presets import altered, is_file, ledger_folder

BESIDE = ("methods", "parameters", "ledger", "references")
"""The pages that go with a study: what it compares, the rows that it rests on, and the papers."""


class NothingRecorded(PeltError, LookupError):
    """There is no row to show."""


def report(
    study: str,
    preset: str,
    overrides: Mapping[str, str],
    ledger: Path | None = None,
    root: Path = pages.ROOT,
    tell: Callable[[str], None] = lambda line: None,
) -> Path:
    """Execute the notebook of one study on the runs that `pelt run` made with the same preset and values.

    The preset with these values is written beside the page as a file, which decides what the page shows.

    Args:
        study: a name of `pelt_core.study.grids.STUDIES`.
        preset: a name or a file.
        overrides: other values for fields of all runs, as YAML text: ``{"backbone": "owner/name"}``.
        ledger: the folder to read rows from instead of the preset's.
        root: of a clone of the project.
        tell: called with a line before each step.

    Returns:
        The path of the page.

    Raises:
        UnknownStudy, UnknownPreset, BadPreset: what was asked for does not exist.
        NothingRecorded: the ledger has none of the runs.
        NoSources: `root` is not a clone of the project.
        PageFailed, BuildFailed: as `pelt_core.publish.report`.
    """
    runs, book = grid(study, preset, overrides=overrides), Ledger((ledger or root / ledger_folder(preset)).resolve())
    recorded = sum(book.has(run) for run in runs)
    if not recorded:
        raise NothingRecorded(
            f"{book.folder} has none of the {len(runs)} runs of {study}; make them with `pelt run {study}`, with the "
            "same --preset, --set and --ledger"
        )
    source = root / "notebooks" / f"{study}.ipynb"
    if not source.exists():
        raise NoSources(f"there is no {source}; `pelt report` runs in a clone of the project")
    named = [study, Path(preset).stem, *(Path(value).name for value in overrides.values())]
    given = Path(preset).resolve() if is_file(preset) else preset
    site = folder(root, named, study, given, sorted(overrides.items()), book.folder)
    site.mkdir(parents=True, exist_ok=True)
    said = site / f"{Path(preset).stem}.yml"
    said.write_text(yaml.safe_dump(altered(preset, study, overrides), sort_keys=False), encoding="utf-8")
    tell(f"{recorded} of {len(runs)} runs are recorded; executing the page")
    parameters = {"preset": str(said), "ledger": str(book.folder)}
    execute(source, parameters, site, "made anew each time", root)
    tell("building the book")
    copy_sources(root, site, str(said), book.folder)
    _leave(site, study)
    return build(site).parent / "studies" / f"{study}.html"


def _leave(site: Path, study: str) -> None:
    """Of the book's contents only the study and what goes with it; a link to another page becomes plain text."""
    contents = {"format": "jb-book", "root": f"studies/{study}", "chapters": [{"file": name} for name in BESIDE]}
    (site / "book" / "_toc.yml").write_text(yaml.safe_dump(contents), encoding="utf-8")
    config = yaml.safe_load((site / "_config.yml").read_text(encoding="utf-8"))
    config["sphinx"]["config"]["suppress_warnings"] = ["myst.xref_missing"]
    (site / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
