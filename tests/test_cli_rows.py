"""`pelt data rows`: the rows of a set, one of the eight sets, and what has no rows to print."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from pelt_core.cli import app
from pelt_core.data import commonsense170k
from pelt_core.data.reading import Prepared

RUNNER = CliRunner()


def stub(name: str, split: str) -> Prepared:
    row = {"id": f"{name}-{split}-00000", "question": "Who’s it?\n\nA", "solution": "it is a", "answer": "a"}
    return Prepared([row, row], name, {})


def rows(*arguments: str) -> Any:
    return RUNNER.invoke(app, ["data", "rows", *arguments])


@pytest.mark.parametrize("name", ["siqa", "SIQA", "social_i_qa"])
def test_lines_are_as_a_mirror_has_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commonsense170k, "read", stub)
    monkeypatch.setattr(commonsense170k, "pin", lambda name, split: type("Pin", (), {"rows": 2}))
    done = rows("commonsense170k", "--set", name, "--split", "test", "--jsonl")
    line = '{"instruction": "Who’s it?\\n\\nA", "input": "", "output": "it is a", "answer": "a"}\n'
    assert (done.exit_code, done.stdout) == (0, 2 * line)


def test_what_is_missing_is_said_beside_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commonsense170k, "read", stub)
    done = rows("commonsense170k", "--set", "openbookqa", "--split", "test", "--jsonl")
    assert len(done.stdout.splitlines()) == 2
    assert "498 rows of openbookqa are nowhere to be had" in done.stderr


def test_another_set_is_printed_too() -> None:
    done = rows("arithmetic", "--split", "test", "--jsonl")
    first = json.loads(done.stdout.splitlines()[0])
    assert list(first) == ["instruction", "input", "output", "answer"]
    assert first["output"].endswith(f"The answer is {first['answer']}.")


def test_people_read_the_text_without_json() -> None:
    assert rows("arithmetic", "--split", "test").stdout.startswith("arithmetic-test-00000\n")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["commonsense170k", "--set", "gsm8k"], "it is made of boolq, piqa, siqa"),
        (["commonsense170k", "--set", "boolq", "--split", "dev"], "'boolq' has no split 'dev'; it has train, test"),
        (["commonsense170k", "--split", "test"], "has no split 'test'; it has train"),
        (["gsm8k", "--set", "boolq"], "only commonsense170k is made of sets"),
        (["glue-sst2"], "has classes or scores"),
        (["gsm9k"], "no dataset is called 'gsm9k'"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(arguments: list[str], complaint: str) -> None:
    done = rows(*arguments)
    assert done.exit_code == 2
    assert complaint in done.stderr
