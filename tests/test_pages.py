"""What a page is made from, on notebooks of one cell and a package of a few files."""

import json
from dataclasses import replace

import nbformat
import pytest
from synthetic import fill

from pelt_core import pages
from pelt_core.study.grids import STUDIES, grid
from pelt_core.study.ledger import Ledger


def notebook(root, name, code="print(1)"):
    source = root / "notebooks" / f"{name}.ipynb"
    source.parent.mkdir(exist_ok=True)
    cells = [nbformat.v4.new_code_cell(code, id="cell"), nbformat.v4.new_markdown_cell("import pandas", id="words")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), source)
    return source


@pytest.fixture
def site(tmp_path):
    (tmp_path / pages.PUBLISHED_RESULTS).parent.mkdir(parents=True)
    (tmp_path / pages.PUBLISHED_RESULTS).write_text("method,value\n")
    return tmp_path


@pytest.fixture
def package(tmp_path):
    """A package of pages and studies that import one another."""
    files = {
        "grafts.py": "",
        "report/__init__.py": "",
        "report/style.py": "",
        "report/tables.py": "from pelt_core import grafts\nfrom pelt_core.report.style import use",
        "report/speed/__init__.py": "",
        "report/speed/figures.py": "def draw():\n    from pelt_core.report import style",
        "report/few/claims.py": "from pelt_core.study import statistics\nimport pelt_core.study.grids",
        "report/few/claims.yml": "claims: []",
        "report/few/notes.txt": "",
        "study/statistics.py": "import numpy",
        "study/grids.py": "from pelt_core.study import run",
        "study/run.py": "",
        "presets/smoke.yml": "",
    }
    for name, text in files.items():
        file = tmp_path / "pelt_core" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "pelt_core"


@pytest.mark.parametrize(
    ("code", "files"),
    [
        ("import pandas", []),
        ("from pelt_core import attach\nfrom pelt_core.grafts import Rule", []),
        ("from pelt_core.report import style", ["__init__", "style"]),
        ("from pelt_core.report.tables import table", ["__init__", "style", "tables"]),
        ("if True:\n    import pelt_core.report.speed.figures", ["__init__", "speed/figures", "style"]),
        ("from pelt_core.report.speed import figures", ["__init__", "speed/__init__", "speed/figures", "style"]),
        ("from pelt_core.report.few import claims", ["few/claims", "few/claims.yml", "../study/statistics"]),
        ("from pelt_core.study import grids, presets, run", []),
    ],
)
def test_code_is_what_the_notebook_imports_of_report_and_study_and_what_that_imports(site, package, code, files):
    found = {file.relative_to(package).as_posix() for file in pages.code(notebook(site, "x", code), package)}
    wanted = {f"report/{name}" if name.endswith(".yml") else f"report/{name}.py" for name in files}
    assert found - {"report/__init__.py"} == {
        name.replace("report/../", "") for name in wanted - {"report/__init__.py"}
    }


def test_the_pages_of_the_report_do_not_share_more_code_than_they_use(root):
    of = {
        source.stem: {file.relative_to(root / "pelt_core").as_posix() for file in pages.code(source)}
        for source in (root / "notebooks").glob("*.ipynb")
    }
    assert {"report/tables.py", "report/lines.py", "study/statistics.py"} <= of["placement"]
    assert {"report/speed/figures.py", "report/style.py", "report/tables.py"} <= of["speed"]
    assert not {file for file in of["placement"] if "speed" in file or "construction" in file}
    assert not {"report/reasoning/placement.py", "report/limits.py", "report/audit/figures.py"} & of["speed"]
    assert not of["quickstart"]


def test_a_page_lies_in_the_folder_of_its_kind_without_a_prefix_and_knows_its_parameters(site):
    def told(name):
        source = site / "notebooks" / f"{name}.ipynb"
        return pages.path(source, site).relative_to(site).as_posix(), pages.parameters(source)

    rows = {"preset": "laptop", "ledger": "data/ledger"}
    assert told("placement") == ("book/studies/placement.ipynb", rows)
    assert told("data_audit") == ("book/data/audit.ipynb", {"audit": "data/records/audit.json"})
    assert told("speed") == ("book/benchmarks/speed.ipynb", {"results": "benchmarks/results"})
    assert told("first-steps") == ("book/tutorials/first-steps.ipynb", {})


def test_a_page_of_several_studies_reads_the_rows_of_each_that_the_preset_has(site, monkeypatch):
    monkeypatch.setitem(pages.PAGES, "both", pages.Page("studies", ("placement", "glue-signal")))
    source, ledger = notebook(site, "both"), Ledger(site / "rows")
    parameters = {**pages.parameters(source, "smoke"), "ledger": "rows"}
    marks = [pages.fingerprint(source, parameters, site)]
    fill(ledger, grid("placement", "smoke")[:1], questions=2)
    marks.append(pages.fingerprint(source, parameters, site))
    other = grid("glue-signal", "smoke")[0]
    ledger.row_path(other.key).write_text("{}")
    marks.append(pages.fingerprint(source, parameters, site))
    ledger.row_path("0123456789abcdef").write_text("of no study")
    assert len(set(marks)) == 3 and pages.fingerprint(source, parameters, site) == marks[-1]
    monkeypatch.setattr(pages, "studies", lambda preset: ["placement"])
    narrower = pages.fingerprint(source, parameters, site)
    ledger.row_path(other.key).write_text("{1: 1}")
    assert pages.fingerprint(source, parameters, site) == narrower


@pytest.mark.parametrize("folder", ["benchmarks", "data"])
def test_what_a_page_reads_decides_it_and_nothing_beside(site, monkeypatch, folder):
    shown, beside = site / "records" / "shown.json", site / "records" / "beside.json"
    monkeypatch.setitem(pages.PAGES, "x", pages.Page(folder, reads=("records/shown.json",)))
    source = notebook(site, "x")
    missing = pages.fingerprint(source, {}, site)
    shown.parent.mkdir()
    shown.write_text(json.dumps({"rows": 1}))
    there = pages.fingerprint(source, {}, site)
    beside.write_text("{}")
    assert missing != there == pages.fingerprint(source, {}, site)
    monkeypatch.setitem(pages.PAGES, "x", replace(pages.PAGES["x"], reads=("records",)))
    both = pages.fingerprint(source, {}, site)
    beside.write_text("[]")
    assert there != both != pages.fingerprint(source, {}, site)


def test_code_that_the_notebook_imports_is_in_the_fingerprint(site, package, monkeypatch):
    monkeypatch.setattr(pages, "code", lambda source: [package / "report" / "style.py"])
    of_study, tutorial = notebook(site, "placement"), notebook(site, "first-steps")
    before = [pages.fingerprint(source, pages.parameters(source), site) for source in (of_study, tutorial)]
    (package / "report" / "style.py").write_text("INK = 1")
    after = [pages.fingerprint(source, pages.parameters(source), site) for source in (of_study, tutorial)]
    assert before[0] != after[0] and before[1] == after[1]


def test_every_page_names_studies_that_exist():
    assert {study for page in pages.PAGES.values() for study in page.studies} <= set(STUDIES)
