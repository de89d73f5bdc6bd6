import dataclasses
import multiprocessing
import os
import signal
import subprocess
import time

import pytest
from samples import RUN, spare_torch

from pelt_core.errors import PeltError
from pelt_core.study.ledger import Ledger
from pelt_core.study.workers import Claimed, attempt, claim, is_claimed, run_study, working_folder

RUNS = [dataclasses.replace(RUN, seed=seed) for seed in range(5)]
ITEMS = [{"set": "svamp", "id": "0", "correct": True}]


# What stands for training in these tests; functions of the module, so that a worker process can import them.
def row(run, **more):
    spare_torch()
    metrics = {"accuracy": {"svamp": 1.0}}
    return {"key": run.key, "run": run.to_dict(), "status": "finished", "metrics": metrics, "seconds": {}} | more


def note(run, workdir):
    """Leave a mark for each attempt, outside of the working folder."""
    with (workdir.parents[1] / "attempts.txt").open("a") as attempts:
        attempts.write(f"{run.seed}\n")


def succeed(run, workdir):
    note(run, workdir)
    print("the output of seed", run.seed)
    return row(run), ITEMS


def slowly(run, workdir):
    note(run, workdir)
    time.sleep(0.3)
    return row(run), ITEMS


def fail_at_one(run, workdir):
    note(run, workdir)
    if run.seed == 1:
        raise PeltError("seed 1 is unlucky")
    return row(run), ITEMS


def die_at_one(run, workdir):
    note(run, workdir)
    if run.seed == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return row(run), ITEMS


def resume(run, workdir):
    """Dies at the first call, and goes on from what it left at the second."""
    checkpoint = workdir / "checkpoint"
    if not checkpoint.exists():
        checkpoint.write_text("step 7")
        os.kill(os.getpid(), signal.SIGKILL)
    return row(run, resumed_from=checkpoint.read_text()), ITEMS


def threads(run, workdir):
    import torch

    return row(run, seen=torch.get_num_threads()), ITEMS


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger")


def attempts(ledger):
    return sorted(int(line) for line in (ledger.folder / "attempts.txt").read_text().split())


def states(outcomes):
    return {outcome.run.seed: outcome.state for outcome in outcomes}


def test_every_run_is_recorded_with_its_provenance(ledger):
    outcomes = run_study(RUNS, ledger, workers=2, threads=1, execute=succeed)
    assert states(outcomes) == dict.fromkeys(range(5), "finished")
    assert attempts(ledger) == [0, 1, 2, 3, 4]
    for recorded, run in zip(ledger.read(RUNS), RUNS, strict=True):
        assert recorded["run"] == run.to_dict()
        assert {"git_commit", "versions", "python", "platform", "device", "threads"} < set(recorded["provenance"])
    assert not any(working_folder(ledger, run).exists() for run in RUNS)


def test_only_results_are_seen_by_git(ledger):
    attempt(RUN, ledger, succeed)
    subprocess.run(["git", "init", "-q"], cwd=ledger.folder, check=True)
    command = ["git", "status", "--porcelain"]
    listed = subprocess.run(command, cwd=ledger.folder, capture_output=True, text=True, check=True)
    results = {f"?? {RUN.key}.json", f"?? {RUN.key}.items.jsonl.gz", "?? attempts.txt"}
    assert set(listed.stdout.splitlines()) == results


def test_a_finished_run_is_not_repeated(ledger):
    attempt(RUNS[0], ledger, succeed)
    assert states(run_study(RUNS[:2], ledger, execute=succeed)) == {0: "kept", 1: "finished"}
    assert attempts(ledger) == [0, 1]


def test_outcomes_are_reported_as_they_come_and_output_goes_to_a_log(ledger, capfd):
    seen = []
    run_study(RUNS[:2], ledger, report=lambda outcome: seen.append((outcome.run.seed, outcome.state)), execute=succeed)
    assert sorted(seen) == [(0, "finished"), (1, "finished")]
    assert "output of" not in "".join(capfd.readouterr())
    assert "the output of seed 0" in (ledger.folder / ".logs" / f"{RUNS[0].key}.txt").read_text()


def test_a_failing_run_is_reported_and_the_others_go_on(ledger):
    outcomes = run_study(RUNS, ledger, workers=2, threads=1, execute=fail_at_one)
    assert states(outcomes) == {0: "finished", 1: "failed", 2: "finished", 3: "finished", 4: "finished"}
    [failed] = [outcome for outcome in outcomes if outcome.state == "failed"]
    assert "seed 1 is unlucky" in failed.error
    assert "PeltError: seed 1 is unlucky" in (ledger.folder / ".logs" / f"{RUNS[1].key}.txt").read_text()
    assert not ledger.has(RUNS[1])


def test_a_worker_that_dies_costs_one_run(ledger):
    outcomes = run_study(RUNS, ledger, workers=1, threads=1, execute=die_at_one)
    assert states(outcomes) == {0: "finished", 1: "failed", 2: "finished", 3: "finished", 4: "finished"}
    assert "process died (exit code -9" in next(outcome.error for outcome in outcomes if outcome.state == "failed")
    assert not is_claimed(ledger, RUNS[1])
    assert attempts(ledger) == [0, 1, 2, 3, 4]


def test_a_killed_run_resumes_from_its_working_folder(ledger):
    [first] = run_study(RUNS[:1], ledger, execute=resume)
    assert first.state == "failed"
    assert working_folder(ledger, RUNS[0]).exists()
    run_study(RUNS[:1], ledger, execute=resume)
    assert ledger.read(RUNS[:1])[0]["resumed_from"] == "step 7"


def test_a_worker_has_the_threads_it_was_given(ledger):
    run_study(RUNS[:1], ledger, threads=2, execute=threads)
    [recorded] = ledger.read(RUNS[:1])
    assert recorded["seen"] == recorded["provenance"]["threads"] == 2


def test_a_claim_is_exclusive_and_ends(ledger):
    assert not is_claimed(ledger, RUN)
    with claim(ledger, RUN):
        assert is_claimed(ledger, RUN)
        assert not is_claimed(ledger, RUNS[1])
        with pytest.raises(Claimed, match=RUN.key), claim(ledger, RUN, patience=0):
            pass
    assert not is_claimed(ledger, RUN)


def test_a_run_that_another_process_holds_is_left_to_it(ledger):
    with claim(ledger, RUNS[0]):
        assert states(run_study(RUNS[:2], ledger, execute=succeed)) == {0: "claimed", 1: "finished"}
    assert attempts(ledger) == [1]


def test_two_studies_at_once_do_each_run_once(ledger):
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=run_study, args=(RUNS, ledger, 1, 1, print, slowly)) for _ in range(2)]
    for process in others:
        process.start()
    for process in others:
        process.join()
        assert process.exitcode == 0
    assert attempts(ledger) == [0, 1, 2, 3, 4]
    assert all(ledger.has(run) for run in RUNS)


def test_a_killed_process_frees_its_claim(ledger):
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=attempt, args=(RUN, ledger, forever))
    process.start()
    while not (ledger.folder / "attempts.txt").exists():
        time.sleep(0.05)
    assert is_claimed(ledger, RUN)
    process.kill()
    process.join()
    assert not is_claimed(ledger, RUN)
    assert attempt(RUN, ledger, succeed).state == "finished"


def forever(run, workdir):
    note(run, workdir)
    time.sleep(600)
