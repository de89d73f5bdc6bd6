"""`pelt data build commonsense170k`: the file, what the table says is missing, and bad input before the work."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pelt_core.cli import app
from pelt_core.data import commonsense170k
from pelt_core.data.reading import Prepared
from pelt_core.data.sources import DataNotFound

RUNNER = CliRunner()


def item(name: str, split: str, number: int) -> dict[str, Any]:
    question = f"{name} {number}"  # so that sizes of WinoGrande repeat each other
    answer = {"answer": "true", "solution": "the correct answer is true", "choices": ["yes", "no"], "gold": 0}
    return {"id": f"{name}-{split}-{number:05d}", "question": question, **answer}


def stub(name: str, split: str) -> Prepared:
    if name == "hellaswag":
        raise DataNotFound("no hellaswag")
    return Prepared([item(name, split, number) for number in range(3)], name, {})


@pytest.fixture(autouse=True)
def three_rows_a_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commonsense170k, "read", stub)


def build(*arguments: str) -> Any:
    return RUNNER.invoke(app, ["data", "build", "commonsense170k", *arguments])


def test_the_file_has_the_published_form_and_the_report_counts_what_is_missing(tmp_path: Path) -> None:
    done = build("--out", str(tmp_path / "all.json"), "--json")
    assert done.exit_code == 0
    report = json.loads(done.stdout)
    written = json.loads((tmp_path / "all.json").read_text())
    assert len(written) == report["total"]["rows"] == 3 * (1 + 1 + 1 + 6 + 1 + 1 + 1)
    assert written[0] == {
        "instruction": "boolq 0",
        "input": "",
        "output": "the correct answer is true",
        "answer": "true",
    }
    hellaswag = {"set": "hellaswag", "published": 39_905, "missing": 39_905, "left_out": 0, "rows": 0}
    assert hellaswag in report["sets"]
    assert report["total"]["published"] == 170_420


def test_distinct_leaves_repeated_questions_out_and_says_so(tmp_path: Path) -> None:
    done = build("--variant", "distinct", "--out", str(tmp_path / "few.jsonl"), "--json")
    sets = {row["set"]: row for row in json.loads(done.stdout)["sets"]}
    assert (sets["winogrande"]["rows"], sets["winogrande"]["left_out"]) == (3, 15)
    assert len((tmp_path / "few.jsonl").read_text().splitlines()) == 21


def test_a_size_is_the_same_rows_for_the_same_seed(tmp_path: Path) -> None:
    hashes = [
        json.loads(build("--size", "8", "--seed", seed, "--out", str(tmp_path / "few.jsonl"), "--json").stdout)
        for seed in ("1", "1", "2")
    ]
    assert hashes[0]["content_sha256"] == hashes[1]["content_sha256"] != hashes[2]["content_sha256"]
    assert hashes[0]["total"]["rows"] == 8


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--out", "rows.csv"], "must end in .json"),
        (["--out", "rows.json", "--variant", "best"], "no variant is called 'best'; there are published, distinct"),
        (["--out", "rows.json", "--size", "99"], "99 rows cannot be sampled from 36"),
    ],
)
def test_bad_input_is_refused_and_nothing_written(
    arguments: list[str], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = build(*arguments)
    assert done.exit_code == 2
    assert complaint in done.stderr
    assert not list(tmp_path.iterdir())
