import json
import shutil
import subprocess

import pytest

from pelt_core import provenance


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with a copy of one file of the package, and text outside of it."""
    package = tmp_path / "pelt_core"
    package.mkdir()
    shutil.copy(provenance.__file__, package)
    (tmp_path / "README.md").write_text("text")
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *author, *command], cwd=tmp_path, check=True)
    monkeypatch.setattr(provenance, "PACKAGE", package)
    provenance.source.cache_clear()
    yield tmp_path
    provenance.source.cache_clear()


def test_code_as_committed(checkout):
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True)
    assert provenance.source() == {"git_commit": head.stdout.strip(), "git_dirty": False}


def test_changed_code_is_dirty_but_text_and_results_are_not(checkout):
    (checkout / "README.md").write_text("other text")
    (checkout / "row.json").write_text("{}")
    assert provenance.source()["git_dirty"] is False
    provenance.source.cache_clear()
    (checkout / "pelt_core/new.py").write_text("")
    assert provenance.source()["git_dirty"] is True


def test_a_commit_made_meanwhile_is_not_credited(checkout):
    before = provenance.source()
    (checkout / "pelt_core/new.py").write_text("")
    assert provenance.source() == before


def test_an_installed_package_has_no_commit(checkout):
    subprocess.run(["git", "rm", "-q", "--cached", "pelt_core/provenance.py"], cwd=checkout, check=True)
    assert provenance.source() == {"git_commit": None, "git_dirty": None}


def test_all_of_it_is_json():
    found = json.loads(json.dumps(provenance.collect()))
    assert set(found["versions"]) == set(provenance.LIBRARIES)
    assert found["device"].startswith(("cpu: ", "cuda: "))
    assert found["threads"] >= 1
