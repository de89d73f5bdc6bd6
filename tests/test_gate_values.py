"""What a row says of the gates of its classifier."""

import pytest
import torch
from datasets import Dataset

from pelt_core.attachment import attach
from pelt_core.backbones import load_classifier
from pelt_core.classifier import Classifier
from pelt_core.classify import logits
from pelt_core.study import gate_values
from pelt_core.study.gate_values import GateValues

ROWS = Dataset.from_list([{"input_ids": [5 + i, 6, 7] * (1 + i % 2), "label": i % 2} for i in range(8)])
GATED = "sequence*[lora(rank=4)@q,v+pfeiffer(bottleneck=6)@mlp_norm]"


def ready(method: str) -> Classifier:
    torch.manual_seed(0)
    model = load_classifier("tiny-bert", "mean", 2)
    attach(model, method)
    for name, p in model.named_parameters():
        if p.requires_grad and "classifier" not in name:
            torch.nn.init.normal_(p, std=0.3)
    return model


def test_every_gate_has_its_mean_after_each_epoch() -> None:
    model = ready(GATED)
    gates = GateValues(model)
    for _ in range(2):
        torch.testing.assert_close(gates.dev_logits(ROWS), logits(model, ROWS))
    sites = ("q lora", "v lora", "mlp_norm pfeiffer")
    assert sorted(gates.record["names"]) == sorted(f"{layer} {site}" for layer in (0, 1) for site in sites)
    assert gates.record["dev"][0] == gates.record["dev"][1]
    assert all(0 < value < 1 for value in gates.record["dev"][0])


def test_every_row_has_the_mean_of_each_method() -> None:
    gates = GateValues(ready(GATED))
    gates.dev_logits(ROWS)
    _, of_rows = gates.test_logits(ROWS)
    assert {method for row in of_rows for method in row["gates"]} == {"lora", "pfeiffer"}
    lora = [i for i, name in enumerate(gates.record["names"]) if name.endswith("lora")]
    expected = sum(gates.record["test"][i] for i in lora) / len(lora)
    assert sum(row["gates"]["lora"] for row in of_rows) / 8 == pytest.approx(expected, abs=1e-3)
    assert max(gates.record["test_deviation"]) > 0


def test_forced_gates_are_measured_on_the_first_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_values, "FORCED_ROWS", 5)
    model = ready(GATED)
    gates = GateValues(model)
    gates.force(ROWS, lambda found: {"rows": len(found), "sum": float(found.sum())})
    forced = gates.record["forced"]
    assert forced["rows"] == 5 and {forced[name]["rows"] for name in ("free", "0.0", "0.5", "1.0")} == {5}
    assert forced["free"]["sum"] == pytest.approx(float(logits(model, ROWS.select(range(5))).sum()))
    assert len({round(forced[name]["sum"], 5) for name in ("free", "0.0", "0.5", "1.0")}) == 4


def test_without_gates_nothing_is_recorded() -> None:
    gates = GateValues(ready("lora(rank=4)@q,v"))
    gates.dev_logits(ROWS)
    assert gates.test_logits(ROWS)[1] == [{}] * 8
    gates.force(ROWS, lambda found: {})
    assert gates.record == {}
