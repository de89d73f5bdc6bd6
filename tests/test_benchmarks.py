"""The harness of the benchmarks, without a clock: who works when, on what, and how figures come out of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import decoding, figures, machine, options, tasks, training
from benchmarks.harness import ROOT, Contender, ContenderFailed, Measured, interleave
from pelt_core.report.speed.goals import SAME_LOSS

ECHO = """
import json, os, sys
settings = json.loads(sys.argv[1])
print(json.dumps({"pid": os.getpid(), "threads": os.environ["OMP_NUM_THREADS"]}), flush=True)
for line in sys.stdin:
    if "fails" in settings:
        sys.exit("the oil is out")
    turn = json.loads(line)
    with open(settings["log"], "a") as log:
        log.write(f"{turn['name']}{turn['round']} ")
    print(json.dumps({"seconds": 1.0, "work": 1, "warm_up": turn["warm_up"], "pid": os.getpid()}), flush=True)
"""


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "echo_contender.py").write_text(ECHO)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "echo_contender"


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The rows that come with the package, whatever else is on this machine, and little to multiply."""
    monkeypatch.delenv("PELT_DATA", raising=False)
    monkeypatch.setattr(machine, "SIZES", ((64, 64, 64),))
    tasks._training_rows.cache_clear()
    yield
    tasks._training_rows.cache_clear()


def measured(*turns: dict[str, Any], warm_up: dict[str, Any] | None = None) -> Measured:
    return Measured({}, warm_up or {}, [{"peak_memory_bytes": 1, **turn} for turn in turns])


def test_contenders_take_turns(echo: str, tmp_path: Path) -> None:
    settings = {"log": str(tmp_path / "log")}
    contenders = [Contender(name, echo, {**settings, "for": name}, {"name": name}) for name in "ab"]
    told: list[str] = []
    found = interleave(contenders, 2, 3, told.append)
    assert (tmp_path / "log").read_text().split() == ["a0", "b0", "a1", "b1", "a2", "b2"]
    assert told == ["a", "b"] * 3
    assert [found["a"].warm_up["warm_up"], *(turn["warm_up"] for turn in found["a"].repeats)] == [True, False, False]
    assert {m.facts["threads"] for m in found.values()} == {"3"}
    assert found["a"].facts["pid"] != found["b"].facts["pid"]


def test_contenders_of_the_same_settings_share_a_process(echo: str, tmp_path: Path) -> None:
    contenders = [Contender(name, echo, {"log": str(tmp_path / "log")}, {"name": name}) for name in "ab"]
    found = interleave(contenders, 1, 1)
    assert (tmp_path / "log").read_text().split() == ["a0", "a1", "b1"], "and warm up once"
    assert found["a"].repeats[0]["pid"] == found["b"].repeats[0]["pid"]


def test_a_contender_that_fails_has_the_last_word(echo: str) -> None:
    with pytest.raises(ContenderFailed, match="the oil is out"):
        interleave([Contender("a", echo, {"fails": True})], 1, 1)


def test_a_ratio_is_that_of_turns_side_by_side() -> None:
    ours = measured({"work": 10, "seconds": 1.0}, {"work": 10, "seconds": 2.0}, {"work": 10, "seconds": 1.0})
    peer = measured({"work": 10, "seconds": 3.0}, {"work": 10, "seconds": 8.0}, {"work": 20, "seconds": 4.0})
    assert figures.ratio(ours, peer) == {"median": 3.0, "least": 2.0, "most": 4.0}
    assert figures.added(peer, ours)["median"] == pytest.approx(200)


def test_a_share_of_the_peak_counts_the_operations_of_a_token() -> None:
    m = measured({"work": 100, "seconds": 2.0}, warm_up={"work": 10, "flops": 40e9})
    assert figures.gemm_share(m, peak_gflops=400)["median"] == pytest.approx(0.5)


def test_losses_are_compared_step_by_step_and_only_on_the_same_rows() -> None:
    ours = measured({"work": 7, "losses": [2.0, 1.0]}, warm_up={"work": 5, "losses": [3.0, 2.5]})
    peer = measured({"work": 7, "losses": [2.25, 1.0]}, warm_up={"work": 5, "losses": [3.0, 2.5]})
    assert figures.loss_difference(ours, peer) == {"first_step": 0.0, "any_step": 0.25}
    peer.repeats[0]["work"] = 8
    with pytest.raises(figures.UnequalWork, match=r"\(7, 8\)"):
        figures.loss_difference(ours, peer)


def test_a_missing_environment_of_adapters_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(options, "ADAPTERS_PYTHON", tmp_path / "python")
    setting = options.Setting(5, 1)
    options.find_adapters(None, setting)
    assert setting.adapters_python is None
    assert "adapters_env.sh" in setting.left_out[0]
    with pytest.raises(options.NoAdapters, match="is not there"):
        options.find_adapters(tmp_path / "other", options.Setting(5, 1))


def test_a_quick_try_has_one_repeat() -> None:
    assert options.Setting(5, 1, quick=True).repeats == 1


@pytest.mark.parametrize("lacking", [{"repeats": 4}, {"only": "LoRA"}, {"quick": True}])
def test_a_part_is_not_published(lacking: dict[str, Any]) -> None:
    assert options.Setting(**{"repeats": 5, "threads": 1}).complete
    assert not options.Setting(**{"repeats": 5, "threads": 1} | lacking).complete


def test_even_rows_have_the_length_that_was_asked_for(tmp_path: Path, embedded: None) -> None:
    rows = json.loads(tasks.even_rows("tiny-llama", 16, 64, tmp_path).read_text())
    assert [len(row["input_ids"]) for row in rows] == [16] * 4
    assert all(row["labels"] == [-100] * 8 + row["input_ids"][8:] for row in rows)


def test_texts_are_of_two_classes(tmp_path: Path, embedded: None) -> None:
    assert [row["label"] for row in tasks.texts("tiny-bert", 6, tmp_path).rows] == [0, 1, 0, 1, 0, 1]


def test_training_follows_peft_and_is_recorded(
    tmp_path: Path, embedded: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(options, "ADAPTERS_PYTHON", tmp_path / "python")
    file = tmp_path / "training.json"
    training.main(1, 1, file, quick=True, only="LoRA, fp32", backbone="tiny-llama", max_length=1024)
    results = json.loads(file.read_text())
    assert {"command", "utc", "machine", "gemm", "left_out", "cells"} <= results.keys()
    assert results["machine"]["threads"] == 1
    assert results["gemm"]["peak_fp32"] > 0
    [cell] = results["cells"]
    ours, peft = cell["contenders"]
    assert ours["trainable_parameters"] == peft["trainable_parameters"]
    assert [len(row["repeats"]) for row in (ours, peft)] == [1, 1]
    assert ours["peak_memory_bytes"] > 0
    assert 0 < ours["gemm_share"]["median"] < 1
    [comparison] = cell["comparisons"]
    assert comparison["loss_difference"]["any_step"] < SAME_LOSS
    assert comparison["ratio"]["least"] <= comparison["ratio"]["median"] <= comparison["ratio"]["most"]
    said = capsys.readouterr()
    assert "LoRA, fp32" in said.out
    assert "left out: everything against `adapters`" in said.err


def test_decoding_writes_what_generate_writes(tmp_path: Path, embedded: None) -> None:
    file = tmp_path / "decoding.json"
    decoding.main(1, 1, file, quick=True, backbone="tiny-llama")
    [cell] = json.loads(file.read_text())["cells"]
    same = {(row["of"], row["against"]): row["same_texts"] for row in cell["comparisons"]}
    assert same["pelt, fp32", "generate, fp32"] == 1
    assert "written" not in file.read_text()
    assert all(row["seconds_for_100"]["median"] > 0 for row in cell["contenders"])


@pytest.mark.parametrize("name", ["training", "decoding", "inference_overhead", "scaling", "breakdown", "efficiency"])
def test_help(name: str) -> None:
    command = [sys.executable, "-W", "error", "-m", f"benchmarks.{name}", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--repeats" in done.stdout
