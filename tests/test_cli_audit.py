import json

import pytest
from typer.testing import CliRunner

from pelt_core.cli import app
from pelt_core.data.audit import report

FOUND = {
    "sets": [
        {
            **{"title": "Asked", "role": "evaluation", "rows": 1234, "contradictory": 0, "labels": 2, "majority": 0.5},
            "distinct": {"exact": 1200, "normalised": 1111},
        }
    ],
    "overlaps": [{"training": "Learnt", "evaluation": "Asked", "exact": 7, "near": 11}],
    "absent": [{"title": "Lost", "role": "train"}],
}


@pytest.fixture(autouse=True)
def _audited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "audit", lambda: FOUND)


def test_people_get_tables_and_are_told_what_is_absent() -> None:
    done = CliRunner().invoke(app, ["data", "audit"])
    assert done.exit_code == 3
    assert all(said in done.stdout for said in ("Asked", "1,234", "1,111", "Learnt", "11"))
    assert "nowhere to be had: Lost, train" in done.stderr


def test_scripts_get_the_whole_result_and_the_code_that_made_it() -> None:
    done = CliRunner().invoke(app, ["data", "audit", "--json"])
    found = json.loads(done.stdout)
    assert {name: found[name] for name in FOUND} == FOUND
    assert set(found["code"]) == {"git_commit", "git_dirty"}


def test_nothing_absent_is_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "audit", lambda: FOUND | {"absent": []})
    assert CliRunner().invoke(app, ["data", "audit"]).exit_code == 0
