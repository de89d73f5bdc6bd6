import dataclasses
import errno
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from samples import RUN

from pelt_core.study.ledger import BadRow, DamagedRow, Ledger, MissingRuns, WriteFailed

ITEMS = [{"set": "svamp", "id": str(i), "output": "It is 4.", "correct": i % 2 == 0, "loss": 0.5} for i in range(9)]
OTHER = dataclasses.replace(RUN, seed=1)


def row_of(run=RUN, **changes):
    row = {
        "key": run.key,
        "run": run.to_dict(),
        "status": "finished",
        "metrics": {"accuracy": {"svamp": 5 / 9}, "answer_loss": {"gsm8k": 1.25}},
        "seconds": {"train": 1.0, "evaluate": 2.0},
        "provenance": {"threads": 1},
    }
    return row | changes


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path / "ledger")
    ledger.write(row_of(), ITEMS)
    return ledger


def content(ledger):
    return {path.name: path.read_bytes() for path in ledger.folder.iterdir()}


def test_what_is_written_is_read(ledger):
    [row] = ledger.read([RUN])
    assert row_of().items() <= row.items()
    assert ledger.items(RUN) == ITEMS
    assert ledger.has(RUN)
    assert not ledger.has(OTHER)
    assert list(ledger.rows()) == [row]


def test_what_is_recorded_of_several_runs_is_read_once(ledger, monkeypatch):
    opened, decompress = [], gzip.decompress
    monkeypatch.setattr(gzip, "decompress", lambda content: opened.append(content) or decompress(content))
    assert ledger.recorded([OTHER, RUN]) == {RUN.key: ledger.read([RUN])[0]}
    assert len(opened) == 2  # one of them by `read`


def test_the_same_result_gives_the_same_bytes(ledger, tmp_path):
    again = Ledger(tmp_path / "again")
    again.write(row_of(), ITEMS)
    assert content(again) == content(ledger)


def test_rows_come_in_the_order_asked_for(ledger):
    ledger.write(row_of(OTHER), ITEMS)
    assert [row["run"]["seed"] for row in ledger.read([OTHER, RUN])] == [1, 0]


def test_missing_runs_are_named_with_the_command_that_makes_them(ledger):
    with pytest.raises(MissingRuns) as caught:
        ledger.read([RUN, OTHER], command="pelt run placement --preset laptop")
    message = str(caught.value)
    assert "1 of 2 runs" in message
    assert RUN.key not in message
    for part in (OTHER.key, OTHER.backbone, OTHER.method, "seed 1", "`pelt run placement --preset laptop --ledger "):
        assert part in message


def test_a_diverged_run_is_a_row_without_metrics(ledger):
    ledger.write(row_of(OTHER, status="diverged", metrics={}), [])
    assert ledger.read([OTHER])[0]["status"] == "diverged"
    assert ledger.items(OTHER) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": "0" * 16}, "key"),
        ({"run": {"seed": 1}}, "missing backbone"),
        ({"status": "done"}, "'done' is none of finished, diverged"),
        ({"status": "diverged"}, "diverged run has no metrics"),
        ({"loss_curve": [[1, float("nan")]]}, "missing number as None"),
    ],
)
def test_a_row_that_does_not_fit_is_not_written(tmp_path, changes, message):
    ledger = Ledger(tmp_path)
    with pytest.raises(BadRow, match=message):
        ledger.write(row_of() | changes, ITEMS)
    assert content(ledger) == {}


def test_a_recorded_run_is_not_overwritten(ledger):
    before = content(ledger)
    with pytest.raises(BadRow, match="already recorded"):
        ledger.write(row_of(metrics={}), [])
    assert content(ledger) == before


def truncate_row(ledger):
    path = ledger.row_path(RUN.key)
    path.write_bytes(path.read_bytes()[:-20])


def change_run(ledger):
    path = ledger.row_path(RUN.key)
    path.write_text(path.read_text().replace('"learning_rate": 0.001', '"learning_rate": 0.01'))


def not_an_object(ledger):
    ledger.row_path(RUN.key).write_text("[]")


def not_text(ledger):
    ledger.row_path(RUN.key).write_bytes(b"\xff\xfe\x00")


def drop_metrics(ledger):
    path = ledger.row_path(RUN.key)
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "metrics"}))


def lose_items(ledger):
    ledger.items_path(RUN.key).unlink()


def truncate_items(ledger):
    path = ledger.items_path(RUN.key)
    path.write_bytes(path.read_bytes()[:-10])


def change_items(ledger):
    ledger.items_path(RUN.key).write_bytes(gzip.compress(b'{"correct": true}\n'))


DAMAGES = {
    truncate_row: "not JSON",
    change_run: "its run has the key",
    not_an_object: "not a JSON object",
    not_text: "not JSON",
    drop_metrics: "lacks metrics",
    lose_items: "items file .* is missing",
    truncate_items: "cannot be read",
    change_items: "not the one it was written with",
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_row_is_named_and_set_aside(ledger, damage):
    damage(ledger)
    damaged = content(ledger)
    ledger.row_path(RUN.key).with_suffix(".json.corrupt").write_text("an earlier one")
    with pytest.warns(DamagedRow, match=f"{RUN.key}.json is damaged: .*{DAMAGES[damage]}"):
        assert not ledger.has(RUN)
    after = content(ledger)
    assert after[f"{RUN.key}.json.corrupt"] == b"an earlier one"
    assert after[f"{RUN.key}.json.corrupt.2"] == damaged[f"{RUN.key}.json"]
    assert sorted(after.values()) == sorted([*damaged.values(), b"an earlier one"])  # nothing is lost
    ledger.write(row_of(), ITEMS)
    assert ledger.has(RUN)


def test_a_damaged_row_is_missing_to_a_reader_and_leaves_the_others(ledger):
    ledger.write(row_of(OTHER), ITEMS)
    truncate_row(ledger)
    with pytest.warns(DamagedRow), pytest.raises(MissingRuns, match=RUN.key):
        ledger.read([RUN, OTHER])
    assert [row["key"] for row in ledger.rows()] == [OTHER.key]


@pytest.mark.parametrize("call", [1, 2])
def test_a_full_disk_leaves_the_ledger_as_it_was(ledger, monkeypatch, call):
    before, calls, fsync = content(ledger), [], os.fsync

    def full(handle):
        calls.append(handle)
        if len(calls) == call:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteFailed, match=f"{OTHER.key} could not be written .*No space left.*make room"):
        ledger.write(row_of(OTHER), ITEMS)
    monkeypatch.undo()
    assert before.items() <= content(ledger).items()
    assert not ledger.has(OTHER)
    assert [row["key"] for row in ledger.rows()] == [RUN.key]
    ledger.write(row_of(OTHER), ITEMS)
    assert ledger.items(OTHER) == ITEMS


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_ledger import ITEMS, OTHER, row_of
from pelt_core.study.ledger import Ledger
calls, real = [], getattr(os, sys.argv[3])
def killed(*arguments):
    calls.append(arguments)
    if len(calls) == int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)
setattr(os, sys.argv[3], killed)
Ledger(sys.argv[2]).write(row_of(OTHER), ITEMS)
"""


@pytest.mark.parametrize("where", ["fsync", "replace"])
@pytest.mark.parametrize("call", [1, 2])
def test_a_kill_in_the_middle_of_a_write_leaves_the_ledger_as_it_was(ledger, where, call):
    here = str(Path(__file__).parent)
    done = subprocess.run([sys.executable, "-c", KILLED, here, str(ledger.folder), where, str(call)], check=False)
    assert done.returncode == -9
    assert not ledger.has(OTHER)
    assert [row["key"] for row in ledger.rows()] == [RUN.key]
    ledger.sweep(OTHER.key)
    assert not list(ledger.folder.glob(".*.draft"))
    ledger.write(row_of(OTHER), ITEMS)
    assert ledger.items(OTHER) == ITEMS


def test_two_ledgers_merge_by_copying(ledger, tmp_path):
    other = Ledger(tmp_path / "other")
    other.write(row_of(OTHER), ITEMS)
    for path in other.folder.iterdir():
        path.rename(ledger.folder / path.name)
    assert {row["key"] for row in ledger.rows()} == {RUN.key, OTHER.key}


def test_an_empty_ledger_has_no_rows(tmp_path):
    assert list(Ledger(tmp_path / "none").rows()) == []


def test_of_two_that_set_a_damaged_row_aside_the_second_finds_it_gone(ledger, monkeypatch):
    ledger.row_path(RUN.key).write_text("{")
    rename = Path.rename

    def after_another(path, target):
        rename(path, target)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", after_another)
    with pytest.warns(DamagedRow, match="is damaged: it is not JSON"):
        assert not ledger.has(RUN)
