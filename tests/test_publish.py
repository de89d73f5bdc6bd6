"""A notebook of three cells stands in for a study page: what is tested is when and how pages are made."""

import importlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from synthetic import fill

from pelt_core import pages, publish
from pelt_core.errors import PeltError
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.presets import UnknownPreset

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


def write_notebook(root, code=CODE, name="placement"):
    parameters = nbformat.v4.new_code_cell(
        'preset: str = "laptop"\nledger: str = "x"', metadata={"tags": ["parameters"]}
    )
    figure = nbformat.v4.new_code_cell(PICTURE, metadata={"mystnb": {"figure": {"name": "fig-dot"}}})
    cells = [parameters, nbformat.v4.new_code_cell(code), figure]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), root / "notebooks" / f"{name}.ipynb")


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A tree with one notebook and one recorded run, whose book is not built."""
    (tmp_path / "notebooks").mkdir()
    write_notebook(tmp_path)
    (tmp_path / pages.PUBLISHED_RESULTS).parent.mkdir(parents=True)
    (tmp_path / pages.PUBLISHED_RESULTS).write_text("method,value\n")
    fill(Ledger(tmp_path / "data" / "ledger"), grid("placement", "laptop")[:1], questions=2)
    monkeypatch.setattr(publish, "build", lambda site: site / "_build" / "html" / "index.html")
    return tmp_path


def executions(site):
    return int((site / "executions").read_text())


def made(site):
    return {file.relative_to(site): file.read_bytes() for file in (site / "book").rglob("*") if file.is_file()}


def test_a_page_is_executed_once_and_again_byte_for_byte(site):
    assert publish.report(root=site) == site / "_build" / "html" / "index.html"
    first = made(site)
    assert {str(name) for name in first} == {"book/studies/placement.ipynb", "book/studies/figures/fig-dot.svg"}
    publish.report(root=site)
    assert executions(site) == 1
    publish.report(root=site, force=True)
    assert executions(site) == 2
    assert made(site) == first


def test_a_fresh_clone_executes_although_the_page_is_there(site):
    publish.report(root=site)
    shutil.rmtree(site / "_runs")
    before = made(site)
    publish.report(root=site)
    assert executions(site) == 2
    assert made(site) == before


def test_a_tutorial_is_executed_again_when_the_library_changes(site, monkeypatch):
    cell = nbformat.v4.new_code_cell('from pathlib import Path\nPath("ran").open("a").write("x")', id="cell")
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=kernel), site / "notebooks" / "first-steps.ipynb")
    publish.report(root=site)
    assert (site / "book" / "tutorials" / "first-steps.ipynb").exists()
    publish.report(root=site)
    (site / "pelt_core").mkdir()
    (site / "pelt_core" / "grafts.py").write_text("# another library")
    monkeypatch.setattr(publish, "__file__", str(site / "pelt_core" / "publish.py"))
    publish.report(root=site)
    (site / "pelt_core" / "report").mkdir()
    (site / "pelt_core" / "report" / "words.py").write_text("# other words")
    publish.report(root=site)
    assert (site / "ran").read_text() == "xx"
    assert executions(site) == 1


def test_it_tells_what_it_does(site):
    write_notebook(site, name="first-steps", code="pass")
    first, again = [], []
    publish.report(root=site, tell=first.append)
    publish.report(root=site, tell=again.append)
    assert first[0] == "0 of 2 pages are current, 2 to execute" and first[-1] == "building the book"
    said = [re.fullmatch(r"(\d)/2 ([\w-]+): \d+ s", line).groups() for line in first[1:-1]]
    assert sorted(said) == sorted(zip("12", dict(map(reversed, said)), strict=True))
    assert {name for _, name in said} == {"placement", "first-steps"}
    assert again == ["2 of 2 pages are current, 0 to execute", "building the book"]


def test_several_notebooks_run_at_the_same_time(site, monkeypatch):
    """Each waits for the mark of the other: one after the other, both would fail."""
    monkeypatch.setattr(publish, "_cores", lambda: 2)
    waiting = "import time\nfrom pathlib import Path\nPath({own!r}).touch()\nend = time.monotonic() + 60\n"
    waiting += "while not Path({other!r}).exists():\n    assert time.monotonic() < end\n    time.sleep(0.05)"
    write_notebook(site, waiting.format(own="one", other="two"))
    write_notebook(site, waiting.format(own="two", other="one"), name="first-steps")
    before = Path.cwd()
    assert publish.report(root=site).name == "index.html"
    assert Path.cwd() == before


def another_cell(site):
    write_notebook(site, CODE + "\nprint('more')")


def another_row(site):
    fill(Ledger(site / "data" / "ledger"), grid("placement", "laptop")[1:2], questions=2)


def another_published_result(site):
    (site / pages.PUBLISHED_RESULTS).write_text("method,value\nlora,60\n")


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


def test_packages_are_part_of_what_a_page_depends_on(site, monkeypatch):
    publish.report(root=site)
    monkeypatch.setattr(publish, "PACKAGES", (*publish.PACKAGES, "pytest"))
    publish.report(root=site)
    assert executions(site) == 2


def test_a_failing_notebook_leaves_the_page_and_shows_the_cell(site):
    publish.report(root=site)
    before = made(site)
    write_notebook(site, "answer = 42\nraise KeyError('no such cell')")
    with pytest.raises(publish.PageFailed) as caught:
        publish.report(root=site)
    said = str(caught.value)
    assert "placement.ipynb" in said and "    answer = 42" in said and "KeyError: 'no such cell'" in said
    assert made(site) == before
    assert "KeyError" in (site / "_runs" / "failed" / "placement.ipynb").read_text()


@pytest.mark.parametrize("other", ["report", "."])
def test_two_reports_at_the_same_time_keep_to_their_own_rows(site, monkeypatch, other):
    """The second begins when the first has executed its notebook and not yet made its page."""
    source, presets = site / "notebooks" / "placement.ipynb", ["smoke", "laptop"]

    def execute_notebook(source, draft, parameters, **_):
        shown = nbformat.read(source, 4)
        shown.cells[0]["source"] = f"preset = {parameters['preset']!r}"
        nbformat.write(shown, draft)
        if presets:
            run(presets.pop())

    def run(preset):
        publish.execute(source, {"preset": preset}, site / (preset if other == "report" else "."), preset, site)

    monkeypatch.setattr(publish.papermill, "execute_notebook", execute_notebook)
    run(presets.pop())
    expected = {"laptop": "laptop", "smoke": "smoke"} if other == "report" else {".": "laptop"}
    for folder, preset in expected.items():
        page = nbformat.read(site / folder / "book" / "studies" / "placement.ipynb", 4)
        assert page.cells[0]["source"] == f"preset = {preset!r}" and page.metadata["pelt"]["fingerprint"] == preset
        assert not any((site / folder / "_runs" / "failed").iterdir())


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
    (site / "_config.yml").write_text("sphinx: {config: {language: en, pelt_preset: laptop}}")
    (site / "pelt_core" / "presets").mkdir(parents=True)
    (site / "pelt_core" / "presets" / "smoke.yml").write_text("studies: {}")
    index = publish.report("smoke", root=site)
    (made,) = (site / "_runs" / "report").iterdir()
    assert made.name.startswith("smoke-") and index == made / "_build" / "html" / "index.html"
    assert (made / "book/studies/placement.ipynb").exists()
    assert not (site / "book" / "studies").exists()
    config = yaml.safe_load((made / "_config.yml").read_text())
    assert config == {"sphinx": {"config": {"language": "en", "pelt_preset": "smoke"}}}


def test_a_preset_file_and_another_ledger_stay_out_of_the_tree(site, monkeypatch):
    (site / "book").mkdir()
    (site / "book" / "index.md").write_text("# Title")
    (site / "_config.yml").write_text("sphinx: {config: {pelt_preset: laptop}}")
    (site / "pelt_core" / "presets").mkdir(parents=True)
    shutil.copy(Path(publish.__file__).parent / "presets" / "smoke.yml", site / "mine.yml")
    monkeypatch.chdir(site)
    index = publish.report("mine.yml", root=site, ledger=Path("rows"))
    (made,) = (site / "_runs" / "report").glob("mine-*")
    assert index == made / "_build" / "html" / "index.html"
    page = json.loads((made / "book/studies/placement.ipynb").read_text())
    assert page["metadata"]["pelt"]["parameters"] == {"preset": f"{site / 'mine.yml'}", "ledger": f"{site / 'rows'}"}
    config = yaml.safe_load((made / "_config.yml").read_text())["sphinx"]["config"]
    assert config == {"pelt_preset": f"{site / 'mine.yml'}", "pelt_ledger_folder": f"{site / 'rows'}"}
    built = {
        publish.report("laptop", root=site, ledger=Path(name)).parents[2] for name in ("rows", "site/../rows", "more")
    }
    assert built == set((site / "_runs" / "report").glob("laptop-*")) and len(built) == 2
    assert all((one / "book/studies/placement.ipynb").exists() for one in built)
    assert not (site / "book/studies").exists()
    with pytest.raises(UnknownPreset, match="there is no file 'nobody.yml'"):
        publish.report("nobody.yml", root=site)


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
