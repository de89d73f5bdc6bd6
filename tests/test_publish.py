"""A notebook of three cells stands in for a study page: what is tested is when and how pages are made."""

import importlib
import json
import shutil
import subprocess
import sys

import nbformat
import pytest
from synthetic import fill

from pelt_core import publish
from pelt_core.errors import PeltError
from pelt_core.report import claims
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger

CODE = """\
import sys, warnings
from pathlib import Path
warnings.warn("speaks of this machine")
counter = Path("executions")
counter.write_text(str(int(counter.read_text()) + 1 if counter.exists() else 1))
print(preset, ledger, len(list(Path(ledger).glob("*.json"))))
"""
PICTURE = """\
from IPython.display import SVG
SVG("<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'/>")
"""


def write_notebook(root, code=CODE):
    parameters = nbformat.v4.new_code_cell(
        'preset: str = "laptop"\nledger: str = "x"', metadata={"tags": ["parameters"]}
    )
    figure = nbformat.v4.new_code_cell(PICTURE, metadata={"mystnb": {"figure": {"name": "fig-dot"}}})
    cells = [parameters, nbformat.v4.new_code_cell(code), figure]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), root / "notebooks" / "placement.ipynb")


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A tree with one notebook and one recorded run, whose book is not built."""
    (tmp_path / "notebooks").mkdir()
    write_notebook(tmp_path)
    (tmp_path / claims.PUBLISHED).parent.mkdir(parents=True)
    (tmp_path / claims.PUBLISHED).write_text("method,value\n")
    fill(Ledger(tmp_path / "data" / "ledger"), grid("placement", "laptop")[:1], questions=2)
    monkeypatch.setattr(publish, "build", lambda site: site / "_build" / "html" / "index.html")
    return tmp_path


def executions(site):
    return int((site / "executions").read_text())


def pages(site):
    return {file.relative_to(site): file.read_bytes() for file in (site / "book").rglob("*") if file.is_file()}


def test_a_page_is_executed_once_and_again_byte_for_byte(site):
    assert publish.report(root=site) == site / "_build" / "html" / "index.html"
    first = pages(site)
    assert {str(name) for name in first} == {"book/studies/placement.ipynb", "book/studies/figures/fig-dot.svg"}
    publish.report(root=site)
    assert executions(site) == 1
    publish.report(root=site, force=True)
    assert executions(site) == 2
    assert pages(site) == first


def test_a_fresh_clone_executes_although_the_page_is_there(site):
    publish.report(root=site)
    shutil.rmtree(site / "_runs")
    before = pages(site)
    publish.report(root=site)
    assert executions(site) == 2
    assert pages(site) == before


def test_a_tutorial_is_executed_again_when_the_library_changes(site, monkeypatch):
    cell = nbformat.v4.new_code_cell('from pathlib import Path\nPath("ran").open("a").write("x")', id="cell")
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    source = site / "notebooks" / "first-steps.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=kernel), source)
    page = publish.page_of(source, site)
    assert page == site / "book" / "tutorials" / "first-steps.ipynb"
    assert publish.refresh(source, {}, site, root=site) and page.exists()
    assert not publish.refresh(source, {}, site, root=site)
    (site / "pelt_core").mkdir()
    (site / "pelt_core" / "grafts.py").write_text("# another library")
    monkeypatch.setattr(publish, "__file__", str(site / "pelt_core" / "publish.py"))
    assert publish.refresh(source, {}, site, root=site)
    assert (site / "ran").read_text() == "xx"


def test_a_page_of_benchmarks_is_executed_again_when_results_change_and_not_when_the_library_does(site, monkeypatch):
    source, results = site / "notebooks" / "speed.ipynb", site / publish.RESULTS / "training.json"
    library = site / "pelt_core"
    shutil.move(site / "notebooks" / "placement.ipynb", source)
    for folder in (results.parent, library / "shown"):
        folder.mkdir(parents=True)
    monkeypatch.setattr(publish, "__file__", str(library / "publish.py"))
    monkeypatch.setitem(publish.PAGE_CODE, "benchmarks", ("shown",))

    def executed():
        return publish.refresh(source, publish.parameters(source), site, root=site)

    assert publish.page_of(source, site) == site / "book" / "benchmarks" / "speed.ipynb"
    assert executed() and not executed()
    (library / "grafts.py").write_text("# another library")
    assert not executed()
    for decides in (results, library / "shown" / "tables.py"):
        decides.write_text("{}")
        assert executed() and not executed()


def test_a_page_on_data_shows_its_records_and_lies_without_its_prefix(site):
    source, record = site / "notebooks" / "data_audit.ipynb", site / "data" / "records" / "audit.json"
    shutil.move(site / "notebooks" / "placement.ipynb", source)
    record.parent.mkdir()
    record.write_text("{}")
    parameters = publish.parameters(source)
    assert parameters == {"audit": "data/records/audit.json"}
    page = publish.page_of(source, site)
    assert page == site / "book" / "data" / "audit.ipynb"
    notebook = nbformat.read(source, 4)
    notebook.cells[0].source = 'audit: str = "x"'
    notebook.cells[1].source = "print(audit)"
    nbformat.write(notebook, source)
    assert publish.refresh(source, parameters, site, root=site) and page.exists()
    assert not publish.refresh(source, parameters, site, root=site)
    record.write_text('{"more": 1}')
    assert publish.refresh(source, parameters, site, root=site)


def another_cell(site):
    write_notebook(site, CODE + "\nprint('more')")


def another_row(site):
    fill(Ledger(site / "data" / "ledger"), grid("placement", "laptop")[1:2], questions=2)


def another_published_result(site):
    (site / claims.PUBLISHED).write_text("method,value\nlora,60\n")


def an_edited_page(site):
    page = site / "book" / "studies" / "placement.ipynb"
    page.write_text(page.read_text().replace("laptop", "paper"))


def a_lost_page(site):
    (site / "book" / "studies" / "placement.ipynb").unlink()


@pytest.mark.parametrize("change", [another_cell, another_row, another_published_result, an_edited_page, a_lost_page])
def test_a_change_executes_again(site, change):
    publish.report(root=site)
    change(site)
    publish.report(root=site)
    assert executions(site) == 2


def test_code_and_packages_are_part_of_what_a_page_depends_on(site, monkeypatch):
    source = site / "notebooks" / "placement.ipynb"
    parameters = publish.parameters(source)
    mark = publish.fingerprint(source, parameters, site)
    assert publish.fingerprint(source, parameters, site) == mark
    monkeypatch.setitem(publish.PAGE_CODE, "studies", ("report",))
    assert publish.fingerprint(source, parameters, site) != mark
    publish.report(root=site)
    monkeypatch.setattr(publish, "PACKAGES", (*publish.PACKAGES, "pytest"))
    publish.report(root=site)
    assert executions(site) == 2


def test_every_file_that_makes_pages_is_in_the_fingerprint(root):
    files = {
        kind: {path.relative_to(root / "pelt_core").as_posix() for path in publish._page_code(kind)}
        for kind in publish.PAGE_CODE
    }
    assert {"report/tables.py", "report/figures.py", "report/limits.py", "study/statistics.py"} <= files["studies"]
    assert {"report/speed/figures.py", "report/style.py", "report/tables.py"} <= files["benchmarks"]
    assert not files["studies"] & {"report/speed/figures.py", "data/prompts.py"}


def test_a_failing_notebook_leaves_the_page_and_shows_the_cell(site):
    publish.report(root=site)
    before = pages(site)
    write_notebook(site, "answer = 42\nraise KeyError('no such cell')")
    with pytest.raises(publish.PageFailed) as caught:
        publish.report(root=site)
    said = str(caught.value)
    assert "placement.ipynb" in said and "    answer = 42" in said and "KeyError: 'no such cell'" in said
    assert pages(site) == before
    assert "KeyError" in (site / "_runs" / "failed" / "placement.ipynb").read_text()


def test_a_page_holds_no_clock_no_path_and_no_version_of_this_machine(site):
    publish.report(root=site)
    text = (site / "book" / "studies" / "placement.ipynb").read_text()
    notebook = json.loads(text)
    assert str(site) not in text and "UserWarning" not in text and "papermill" not in text
    assert notebook["metadata"]["language_info"] == {"name": "python"}
    assert set(notebook["metadata"]["pelt"]) == {"fingerprint", "parameters"}
    shown = [output["text"] for cell in notebook["cells"] for output in cell.get("outputs", []) if "text" in output]
    assert shown == [["laptop data/ledger 1\n"]]


def test_another_preset_stays_out_of_the_tree(site):
    (site / "book").mkdir()
    (site / "book" / "index.md").write_text("# Title")
    (site / "_config.yml").write_text("title: x")
    (site / "pelt_core" / "study").mkdir(parents=True)
    (site / "pelt_core" / "study" / "presets.yml").write_text("smoke: {}")
    index = publish.report("smoke", root=site)
    assert index == site / "_runs" / "report" / "smoke" / "_build" / "html" / "index.html"
    assert (site / "_runs/report/smoke/book/studies/placement.ipynb").exists()
    assert not (site / "book" / "studies").exists()


def test_without_the_book_extra_the_command_that_brings_it_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "pelt_core.publish")
    monkeypatch.setitem(sys.modules, "papermill", None)
    with pytest.raises(PeltError, match=r"needs papermill: run `pip install 'pelt-core\[book\]'`"):
        importlib.import_module("pelt_core.publish")


def test_a_folder_without_notebooks_is_refused(tmp_path):
    with pytest.raises(publish.NoSources, match="in a clone of the project"):
        publish.report(root=tmp_path)


def test_a_warning_of_the_book_is_an_error_that_shows_it(tmp_path, monkeypatch):
    complaint = "book/index.md:3: WARNING: undefined label: nowhere"
    done = subprocess.CompletedProcess([], 1, stdout="", stderr=f"reading sources\n{complaint}\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    with pytest.raises(publish.BuildFailed) as caught:
        publish.build(tmp_path)
    assert str(caught.value) == f"the book did not build:\n{complaint}"
