"""The page of one study: what is refused, and where it is made. That it is made is tested in `test_guide`."""

from pathlib import Path

import pytest
import yaml
from synthetic import fill

from pelt_core import study_page
from pelt_core.publish import NoSources
from pelt_core.study.grids import UnknownStudy, grid
from pelt_core.study.ledger import Ledger

MINE = {"backbone": "owner/model-1b"}


def test_a_ledger_without_any_of_the_runs_is_refused(tmp_path):
    fill(Ledger(tmp_path / "rows"), grid("placement", "smoke"))
    with pytest.raises(study_page.NothingRecorded, match="none of the 10 runs of placement; make them with `pelt run"):
        study_page.report("placement", "smoke", MINE, tmp_path / "rows", root=tmp_path)
    with pytest.raises(UnknownStudy):
        study_page.report("placment", "smoke", MINE, tmp_path / "rows", root=tmp_path)


def test_a_folder_without_the_notebook_is_refused(tmp_path):
    fill(Ledger(tmp_path / "rows"), grid("placement", "smoke", overrides=MINE)[:1])
    with pytest.raises(NoSources, match="in a clone of the project"):
        study_page.report("placement", "smoke", MINE, tmp_path / "rows", root=tmp_path)


@pytest.fixture
def steps(tmp_path, monkeypatch):
    """A tree without pages, and what would have been executed in it."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "placement.ipynb").touch()
    (tmp_path / "book").mkdir()
    (tmp_path / "pelt_core" / "presets").mkdir(parents=True)
    (tmp_path / "_config.yml").write_text("sphinx: {config: {pelt_preset: laptop}}")
    done = []
    monkeypatch.setattr(study_page, "execute", lambda *args: done.append(args))
    monkeypatch.setattr(study_page, "build", lambda site: site / "_build" / "html" / "index.html")
    return done


def test_the_page_is_executed_with_a_preset_file_of_these_runs(steps, tmp_path):
    runs, ledger, told = grid("placement", "smoke", overrides=MINE), Ledger(tmp_path / "rows"), []
    fill(ledger, runs[:3])
    page = study_page.report("placement", "smoke", MINE, ledger.folder, tmp_path, told.append)
    (site,) = (tmp_path / "_runs" / "report").iterdir()
    assert site.name.startswith("placement-smoke-model-1b-")
    assert page == site / "_build" / "html" / "studies" / "placement.html"
    assert told == ["3 of 10 runs are recorded; executing the page", "building the book"]
    ((source, parameters, *_),) = steps
    assert source == tmp_path / "notebooks" / "placement.ipynb"
    assert parameters["ledger"] == str(ledger.folder) and grid("placement", parameters["preset"]) == runs
    contents = yaml.safe_load((site / "book" / "_toc.yml").read_text())
    assert contents["root"] == "studies/placement" and {"file": "methods"} in contents["chapters"]


def test_each_setting_and_each_ledger_has_a_folder_of_its_own(steps, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = [
        ({"epochs": "2"}, "rows"),
        ({"batch_size": "2"}, "rows"),
        ({"backbone": "a/model"}, "rows"),
        ({"backbone": "b/model"}, "rows"),
        ({"backbone": "b/model"}, "others"),
    ]
    for overrides, name in asked:
        fill(Ledger(name), grid("placement", "smoke", overrides=overrides)[1:2])
    pages = [study_page.report("placement", "smoke", one, Path(name), tmp_path) for one, name in asked]
    assert len(set(pages)) == len(asked)
    last, name = asked[-1]
    assert study_page.report("placement", "smoke", last, tmp_path / name, tmp_path) == pages[-1]
