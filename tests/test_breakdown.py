"""The benchmark of where the time of a step goes, on a tiny model."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks import breakdown, tasks

ROWS = [
    {"id": str(i), "question": f"What is {i} + 1?", "solution": f"The answer is {i + 1}.", "answer": str(i + 1)}
    for i in range(2)
]


def test_shares_are_of_the_whole_and_products_have_a_speed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_training_rows", lambda: ("two rows", ROWS))
    file = tmp_path / "breakdown.json"
    threads = torch.get_num_threads()
    breakdown.main(1, threads, file, quick=True, only="LoRA", backbone="tiny-llama")
    [cell] = json.loads(file.read_text())["cells"]
    assert set(cell["shares"]) == {*breakdown.PARTS, breakdown.REST}
    assert sum(cell["shares"].values()) == pytest.approx(1, abs=1e-5)
    assert all(share > 0 for share in cell["shares"].values()) and cell["product_gflops"] > 0


def test_what_is_computed_outside_of_products_is_the_rest() -> None:
    a = torch.randn(64, 64)

    def step() -> None:
        torch.mm(a, a)
        a.exp().sin()

    shares, gflops = breakdown._profiled(step)
    assert shares["matrix products"] > 0 and shares[breakdown.REST] > 0 and gflops > 0
    assert shares["attention"] == 0
