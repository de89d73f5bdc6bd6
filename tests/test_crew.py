"""How many runs at a time: by cores, runs, memory and accelerator."""

import dataclasses

import pytest
import torch
from samples import RUN

from pelt_core.cli import studies
from pelt_core.study import check
from pelt_core.study import crew as choosing
from pelt_core.study.crew import Crew, crew

SMALL = dataclasses.replace(RUN, backbone="tiny-llama")
RUNS = [dataclasses.replace(SMALL, seed=seed) for seed in range(12)]
NEED = choosing._need(SMALL)


@pytest.fixture
def machine(monkeypatch):
    def of(cores, runs_in_memory=100.0, accelerator=False):
        monkeypatch.setattr(choosing, "_cores", lambda: cores)
        monkeypatch.setattr(choosing, "_memory", lambda: int(NEED * runs_in_memory))
        monkeypatch.setattr(torch.accelerator, "is_available", lambda: accelerator)

    return of


@pytest.mark.parametrize(
    ("having", "asked", "chosen"),
    [
        ({"cores": 2}, {}, Crew(2, 1)),
        ({"cores": 8}, {}, Crew(8, 1)),
        ({"cores": 64}, {}, Crew(12, 5)),  # more cores than runs
        ({"cores": 8, "runs_in_memory": 3.5}, {}, Crew(3, 2)),
        ({"cores": 8, "runs_in_memory": 0.5}, {}, Crew(1, 8)),  # one must try
        ({"cores": 8, "accelerator": True}, {}, Crew(1, 8)),
        ({"cores": 8}, {"threads": 4}, Crew(2, 4)),
        ({"cores": 2}, {"threads": 4}, Crew(1, 4)),
        ({"cores": 8}, {"workers": 3}, Crew(3, 2)),
        ({"cores": 2, "runs_in_memory": 1, "accelerator": True}, {"workers": 3, "threads": 5}, Crew(3, 5)),
    ],
)
def test_what_is_not_asked_for_suits_the_machine(machine, having, asked, chosen):
    machine(**having)
    assert crew(RUNS, **asked) == chosen


def test_the_run_that_needs_most_decides(machine):
    machine(cores=8, runs_in_memory=4)
    assert crew(RUNS) == Crew(4, 2)
    assert crew([*RUNS, RUN]).workers < 4


def test_this_machine_has_cores_and_memory():
    assert choosing._cores() >= 1
    assert choosing._memory() > 2**20


def test_in_words():
    assert str(Crew(2, 1)) == "2 at a time, 1 thread each"
    assert str(Crew(1, 8)) == "1 at a time, 8 threads each"


def test_a_grid_goes_on_with_the_threads_that_it_began_with(machine, monkeypatch):
    machine(cores=4)
    monkeypatch.setattr(check, "check", lambda runs: None)
    begun, gone_on = (studies._checked(RUNS[:4], left, None, None) for left in (RUNS[:4], RUNS[3:4]))
    assert gone_on == begun == (4, 1)
