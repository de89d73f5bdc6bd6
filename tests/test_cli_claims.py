"""`pelt claims`."""

import json

import pytest
from few_shot_claims import ROOT
from test_cli import pelt


@pytest.fixture
def clone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.usefixtures("clone")
def test_counts_take_no_run(tmp_path):
    done = pelt("claims", "parameter-counts", "--ledger", tmp_path, "--json")
    (line,) = json.loads(done.stdout)
    assert (line["verdict"], line["effect"], len(line["tests"])) == ("supported", 0.0, 6)


@pytest.mark.usefixtures("clone")
def test_what_is_not_recorded_is_said_and_ends_with_3(tmp_path):
    done = pelt("claims", "gain-100", "--preset", "smoke", "--ledger", tmp_path)
    assert done.exit_code == 3
    assert "not run yet" in done.stdout and "0 supported" in done.stdout and "4.3" in done.stdout
    assert "best single module" in done.stdout  # how it would be tested


@pytest.mark.usefixtures("clone")
def test_a_claim_that_does_not_exist(tmp_path):
    done = pelt("claims", "gain", "--ledger", tmp_path)
    assert done.exit_code == 2 and "there is no claim 'gain'" in done.stderr


def test_outside_of_a_clone_it_says_what_it_needs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = pelt("claims", "gain-100")
    assert done.exit_code == 2 and "in a clone of the project" in done.stderr
