"""`pelt data build math10k`, on questions of its own."""

import json
from pathlib import Path
from typing import Any

import pytest
from endpoints import completion, serving
from test_cli import pelt
from test_data_math10k import SPLITS

from pelt_core.data import math10k
from pelt_core.data.reading import Prepared


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources of a few invented questions, and a `read_clean` that takes GSM8K's away."""
    sources = tuple(math10k.Source(name, "train") for name in ("gsm8k", "mathqa", "mawps"))
    monkeypatch.setattr(math10k, "SOURCES", sources)
    monkeypatch.setattr(math10k, "read", lambda name, split: SPLITS[name])
    monkeypatch.setattr(
        math10k, "read_clean", lambda name, split: Prepared([], "", {}) if name == "gsm8k" else SPLITS[name]
    )


def build(*arguments: object):
    return pelt("data", "build", "math10k", "--questions", 4, *arguments)


def test_rows_are_written_and_the_report_is_printed(tmp_path: Path) -> None:
    done = build("--out", tmp_path / "new" / "rows.jsonl", "--json")
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout)
    rows = [json.loads(line) for line in (tmp_path / "new" / "rows.jsonl").read_text().splitlines()]
    assert len(rows) == report["rows"] == 8
    assert set(rows[0]) == {"id", "question", "solution", "answer"}
    assert [(source["asked"], source["kept"]) for source in report["sources"]] == [(4, 4), (4, 4), (1, 0)]
    assert report["provenance"]["versions"]["datasets"]
    assert f"8 rows: {tmp_path}" in done.stderr
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["rows.jsonl"]


def test_people_see_tables() -> None:
    shown = build("--size", 3).stdout
    assert "math10k: 3 rows" in shown
    assert "gsm8k/train" in shown and "not in the sample" in shown and "no usable solution" in shown


def test_a_record_gathers_the_reports_of_builds_and_has_no_rows(tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    build("--record", record)
    build("--clean", "--record", record)
    reports = json.loads(record.read_text())
    assert list(reports) == ["math10k/annotated", "math10k-clean/annotated"]
    assert [report["rows"] for report in reports.values()] == [8, 4]


def test_a_report_that_another_build_adds_meanwhile_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record, built = tmp_path / "record.json", math10k.build

    def slow(*arguments: Any) -> math10k.Build:
        record.write_text('{"math10k/openai": {}}')
        return built(*arguments)

    monkeypatch.setattr(math10k, "build", slow)
    build("--record", record)
    assert list(json.loads(record.read_text())) == ["math10k/openai", "math10k/annotated"]


def test_a_record_that_is_a_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text("[]")
    done = build("--record", tmp_path / "rows.json")
    assert done.exit_code == 2
    assert "it has other content than reports" in done.stderr


def test_an_endpoint_is_the_teacher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "secret")
    settings = ["--teacher", "openai:m", "--key-variable", "SOME_KEY", "--kept", tmp_path / "kept", "--json"]
    with serving(lambda message, before: completion("No idea, 3" if before else "No idea.")) as served:
        done = build(*settings, "--samples", 2, "--base-url", served.url, "--prices", 1, 2)
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["teacher"]["answers"] == len(served.bodies) == 9 + 9
    assert report["teacher"]["dollars"] == pytest.approx(18 * (10 + 2 * 5) / 1e6)
    assert report["sources"][2]["kept_by_attempt"] == [0, 1]
    assert report["sources"][1]["dropped"] == {"no final answer": 4}


def test_a_model_here_is_the_teacher(tmp_path: Path) -> None:
    done = build("--teacher", "local:tiny-llama", "--kept", tmp_path / "kept", "--max-tokens", 3, "--json")
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["teacher"]["backbone"] == "tiny-llama"
    assert sum(source["asked"] for source in report["sources"]) == 9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--teacher", "chatgpt"], "'chatgpt': write annotated, local:BACKBONE (see `pelt backbones`) or openai:MODEL"),
        (["--teacher", "local"], "'local': write annotated, local:BACKBONE"),
        (["--teacher", "annotated:m"], "write annotated, local:BACKBONE"),
        (["--size", 99], "99 rows cannot be made of 9 questions"),
        (["--out", "."], "it is a folder; name a file in it"),
        (["--record", __file__], "it has other content than reports"),
    ],
)
def test_what_cannot_be_built_is_refused_with_what_can(arguments: list[object], message: str) -> None:
    done = build(*arguments)
    assert done.exit_code in (1, 2)
    assert message in " ".join(done.stderr.split())
