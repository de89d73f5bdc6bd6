import errno
import json
import os
import re
import subprocess
import sys

import pytest
import small_mirror
from test_ledger import ITEMS, row_of
from typer.testing import CliRunner

import pelt_core
from pelt_core.cli import app, results, studies
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.verify import Verdict
from pelt_core.study.workers import Outcome, attempt, claim

TINY = ["--set", "backbone=tiny-llama", "--set", "max_length=512", "--set", "max_new_tokens=4"]
SMOKE = {"backbone": "tiny-llama", "max_length": "512", "max_new_tokens": "4"}


def pelt(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def in_process(runs, ledger, workers, threads, report, execute=None):
    """What stands for worker processes: runs done here, by a fake."""
    outcomes = []
    for run in runs:
        try:
            outcomes.append(attempt(run, ledger, execute or fake))
        except Exception as error:
            outcomes.append(Outcome(run, "failed", error=str(error)))
        report(outcomes[-1])
    return outcomes


def fake(run, workdir):
    if run.method == "none":
        row = row_of(run)
        del row["provenance"]
        return row, ITEMS
    return {**row_of(run), "status": "diverged", "metrics": {}}, []


@pytest.fixture
def quickly(monkeypatch):
    monkeypatch.setattr(studies, "run_study", in_process)


@pytest.fixture
def book(tmp_path):
    """A ledger with one finished and one diverged run of the smoke preset, and the rest of the grid."""
    ledger = Ledger(tmp_path / "ledger")
    first, second, *others = grid("placement", "smoke")
    ledger.write(row_of(first, seconds={"evaluate": 3.0}), ITEMS)
    ledger.write(row_of(second, status="diverged", metrics={}), [])
    return ledger, first, second, others


# What a newcomer meets first.
def test_help_names_every_command_with_an_example():
    overview = pelt("--help")
    assert overview.exit_code == 0
    for command in (
        "run",
        "status",
        "plan",
        "verify",
        "export",
        "report",
        "methods",
        "params",
        "backbones",
        "data list",
        "data mirror",
    ):
        told = pelt(*command.split(), "--help")
        assert told.exit_code == 0
        assert "Example" in told.stdout
        assert command.split()[0] in overview.stdout


def test_version():
    assert pelt("--version").stdout.strip() == pelt_core.__version__


def test_module_and_script_are_the_same_program():
    done = subprocess.run(
        [sys.executable, "-m", "pelt_core.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == pelt_core.__version__


# Running.
def test_run_records_the_grid_and_says_so(quickly, tmp_path):
    done = pelt("run", "placement", "--only", "none", "--only", "lora*@q,k,v", "--ledger", tmp_path)
    base, lora = grid("placement", "smoke", only=["none", "lora*@q,k,v"])
    assert done.exit_code == 0
    assert done.stdout == ""
    beginning, first, second, last = done.stderr.splitlines()
    assert re.fullmatch(r"2 runs to do, \d at a time, \d+ threads? each", beginning)
    assert first == f"{base.key}  none  seed 0  3 s  accuracy 0.556  loss 1.250"
    assert second == f"{lora.key}  lora(rank=32,alpha=64)@q,k,v  seed 0  3 s  diverged"
    assert last == f"2 runs in {tmp_path}: 1 diverged, 1 finished"
    assert pelt("run", "placement", "--only", "none", "--ledger", tmp_path).stderr == f"1 runs in {tmp_path}: 1 kept\n"


@pytest.mark.parametrize(("asked", "given"), [(["-w", 3, "-t", 2], (3, 2)), (["-t", 1000], (1, 1000))])
def test_workers_and_threads_as_asked_for(monkeypatch, tmp_path, asked, given):
    seen = []
    monkeypatch.setattr(studies, "run_study", lambda runs, ledger, *crew_and_report: seen.append(crew_and_report) or [])
    pelt("run", "placement", "--only", "none", "--only", "lora*@q,k,v", "--ledger", tmp_path, *asked)
    assert [crew_and_report[:2] for crew_and_report in seen] == [given]


def test_a_failed_run_is_exit_code_1(monkeypatch, tmp_path):
    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(studies, "run_study", in_process)
    monkeypatch.setattr(os, "fsync", full)
    done = pelt("run", "placement", "--only", "none", "--ledger", tmp_path)
    assert done.exit_code == 1
    assert "failed: run" in done.stderr
    assert "No space left on device" in done.stderr
    assert "1 runs in" in done.stderr
    assert list(Ledger(tmp_path).rows()) == []


def test_an_interrupted_study_says_how_to_go_on(monkeypatch, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(studies, "run_study", interrupted)
    done = pelt("run", "placement", "--only", "none", "--ledger", tmp_path)
    assert done.exit_code == 130
    assert "Finished runs are kept" in done.stderr


def test_a_real_run_from_the_command_line(tmp_path):
    """The whole way, in a worker process, on a tiny backbone."""
    done = pelt("run", "placement", *TINY, "--only", "lora*up,down", "--only", "none", "--ledger", tmp_path, "-t", 1)
    assert done.exit_code == 0, done.stderr
    runs = grid("placement", "smoke", only=["lora*up,down", "none"], overrides=SMOKE)
    rows = Ledger(tmp_path).read(runs)
    assert [row["status"] for row in rows] == ["finished"] * 3
    assert rows[1]["loss_curve"]
    assert pelt("verify", runs[1].key, "--ledger", tmp_path).exit_code == 0


# Bad input: exit code 2, one message on stderr that says what is right, nothing else.
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "placement", "--preset", "cloud"], "no preset 'cloud'; choose one of: smoke, laptop, paper"),
        (["run", "placment"], "no study 'placment'; choose one of: placement"),
        (["status", "placment"], "no study 'placment'"),
        (["plan", "placement", "--preset", "cloud"], "no preset 'cloud'"),
        (["report", "--preset", "cloud"], "no preset 'cloud'"),
        (["verify", "--sample", "1", "--preset", "cloud"], "no preset 'cloud'"),
        (
            ["run", "placement", "--only", "lorra"],
            "no method of this study matches 'lorra'; its short names are: none, series-attention",
        ),
        (["run", "placement", "--only", "series@kv"], "no method of this study matches 'series@kv'"),
        (["run", "placement", "--set", "backbone=tiny-lama"], "did you mean 'tiny-llama'?"),
        (["plan", "placement", "--set", "backbone=tiny-lama"], "did you mean 'tiny-llama'?"),
        (["run", "placement", "--set", "backbone=tiny-bert"], "tiny-bert is an encoder"),
        (["run", "placement", "--set", "prompt=alpaca@9"], "no prompt is called 'alpaca@9'"),
        (["run", "placement", "--set", "train=arithmetic:99999"], "asks for 99999 rows of arithmetic"),
        (["run", "placement", "--set", "lr=1"], "no run has a field 'lr' to set; the fields are: backbone"),
        (["run", "placement", "--set", "epochs"], "--set 'epochs' cannot be read; write FIELD=VALUE"),
        (["run", "placement", "--set", "epochs=many"], "field 'epochs' of a run must be int, not 'many'"),
        (
            ["run", "placement", "--seeds", "a"],
            "--seeds 'a' cannot be read; write numbers and ranges such as 0,1 or 0-4",
        ),
        (["verify"], "say what to verify"),
        (["verify", "abc", "--sample", "1"], "say what to verify"),
        (["verify", "abc"], "there is no run 'abc'"),
        (["verify", "--sample", "3"], "holds 0 runs"),
    ],
)
def test_bad_input_is_refused_with_what_is_right(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    done = pelt(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stdout == ""
    assert not list(tmp_path.rglob("*.lock"))


def test_a_data_file_that_is_not_the_pinned_one_is_refused(tmp_path, monkeypatch):
    small_mirror.install(tmp_path / "mirror", monkeypatch)
    pinned = (tmp_path / "mirror/svamp/test.jsonl.gz").read_bytes()
    small_mirror.write(tmp_path / "mirror", "svamp", "test", ["{}"])
    sets = ["--set", "evaluate=[svamp]", "--set", "loss_sets=[]", "--only", "none", "--ledger", tmp_path / "ledger"]
    done = pelt("run", "placement", *TINY, *sets)
    assert done.exit_code == 2
    assert "svamp" in done.stderr
    assert "sha256" in done.stderr
    assert pinned != (tmp_path / "mirror/svamp/test.jsonl.gz").read_bytes()


def test_a_terminal_width_does_not_break_a_message(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    assert len(pelt("run", "placement", "--preset", "cloud").stderr.splitlines()) == 1


# Looking.
def test_status_of_a_study(book):
    ledger, first, second, others = book
    with claim(ledger, others[0]):
        rows = json.loads(pelt("status", "placement", "--ledger", ledger.folder, "--json").stdout)
    assert [row["state"] for row in rows] == ["finished", "diverged", "running", *["missing"] * 7]
    assert rows[0] == {
        "key": first.key,
        "method": "none",
        "seed": 0,
        "state": "finished",
        "seconds": 3,
        "metric": "accuracy",
        "score": pytest.approx(5 / 9),
        "loss": 1.25,
    }
    assert second.key in pelt("status", "placement", "--ledger", ledger.folder).stdout


def test_status_of_all_studies_is_of_the_preset_that_is_named(book):
    rows = json.loads(pelt("status", "--preset", "smoke", "--ledger", book[0].folder, "--json").stdout)
    assert {row["preset"] for row in rows} == {"smoke"}
    for option in (["--only", "lora"], ["--where", "seed=0"], ["--seeds", "0"], ["--set", "epochs=2"]):
        done = pelt("status", *option)
        assert done.exit_code == 2 and f"{option[0]} is about the runs of one study: name it" in done.stderr


def test_status_of_everything(book):
    ledger, *_ = book
    rows = json.loads(pelt("status", "--ledger", ledger.folder, "--json").stdout)
    smoke = next(row for row in rows if row["preset"] == "smoke")
    assert {name: smoke[name] for name in ("finished", "running", "diverged", "missing")} == {
        "finished": 1,
        "running": 0,
        "diverged": 1,
        "missing": 8,
    }


def test_a_damaged_row_is_one_line_on_stderr_and_the_rest_is_shown(book):
    ledger, first, *_ = book
    ledger.row_path(first.key).write_text("{")
    command = [sys.executable, "-m", "pelt_core.cli", "status", "placement", "--json", "--ledger", str(ledger.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    [line] = done.stderr.splitlines()
    assert line.startswith("warning: ")
    assert f"{first.key}.json is damaged: it is not JSON" in line
    assert [row["state"] for row in json.loads(done.stdout)][:2] == ["missing", "diverged"]
    assert (ledger.folder / f"{first.key}.json.corrupt").exists()


def test_plan_of_the_paper_preset():
    done = pelt("plan", "placement", "--preset", "paper", "--seeds", "0", "--teraflops", "100", "--json")
    rows = {row["method"]: row for row in json.loads(done.stdout)}
    lora = rows["lora(rank=32,alpha=64,dropout=0.05)@q,k,v,up,down"]
    assert lora["trainable_parameters"] == 56_098_816
    assert 0 < lora["hours"] < 10


def test_plan_sums_up_what_is_to_do(book):
    ledger, *_ = book
    done = pelt("plan", "placement", "--ledger", ledger.folder)
    assert done.exit_code == 0
    assert "10 runs, 8 of them to do" in done.stderr
    assert "hours unknown" in done.stderr


# Trusting.
def test_verify_shows_what_differs_and_fails(book, monkeypatch):
    ledger, first, second, _ = book
    verdicts = [Verdict(first, True, ()), Verdict(second, False, ("accuracy on svamp: 0.5, now 0.1",))]
    monkeypatch.setattr(results, "repeat", lambda *_: verdicts)
    done = pelt("verify", "--sample", "2", "--ledger", ledger.folder, "--json")
    assert done.exit_code == 1
    assert [(row["compared"], row["holds"]) for row in json.loads(done.stdout)] == [
        ("bit for bit", True),
        ("within tolerance", False),
    ]
    monkeypatch.setattr(results, "repeat", lambda *_: verdicts[:1])
    assert pelt("verify", first.key[:8], "--ledger", ledger.folder).exit_code == 0
