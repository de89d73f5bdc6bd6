"""`pelt report`: what it asks to be made, and what it prints."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pelt_core import publish, study_page
from pelt_core.cli import app


def test_all_pages_are_made_unless_a_study_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(
        publish, "report", lambda preset, force, tell, ledger: tmp_path / f"{preset}-{force}-{ledger}.html"
    )
    done = CliRunner().invoke(app, ["report", "--preset", "laptop", "--force", "--ledger", "rows"])
    assert done.stdout.strip() == str(tmp_path / "laptop-True-rows.html")


def test_the_page_of_one_study_takes_the_settings_of_its_runs(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(study_page, "report", lambda *args, tell: asked.append(args) or tmp_path / "page.html")
    words = "report placement --preset smoke --ledger rows --set backbone=owner/name --set epochs=2"
    done = CliRunner().invoke(app, words.split())
    assert done.stdout.strip() == str(tmp_path / "page.html")
    assert asked == [("placement", "smoke", {"backbone": "owner/name", "epochs": "2"}, Path("rows"))]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("report --set epochs=2", "name it, e.g. pelt report placement --set"),
        ("report placment", "no study 'placment'"),
        ("report placement --preset smoke --ledger rows", "none of the 10 runs of placement"),
    ],
)
def test_bad_input_is_refused(monkeypatch, tmp_path, words, message):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, words.split())
    assert done.exit_code == 2 and message in done.stderr
