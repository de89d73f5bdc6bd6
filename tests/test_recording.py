from __future__ import annotations

import models
import packed
import pandas as pd
import pytest
import torch
from models import THREE

from pelt_core.attachment import AttachError, activate, attach, attached, detach
from pelt_core.recording import RecordingError, forced_gates, is_gated, recorded_gates
from pelt_core.unpadding import unpadded


def hooks(model: torch.nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in model.modules())


def test_every_gate_of_every_row_is_recorded() -> None:
    model, inputs = models.grown("bert", f"sequence*{THREE}"), models.batch("bert")
    with recorded_gates(model) as gates:
        model(**inputs)
        model(**{name: value[:1] for name, value in inputs.items()})
    table = pd.DataFrame(gates)
    assert set(zip(table["position"], table["method"], strict=True)) == {
        ("q", "lora"),
        ("v", "lora"),
        ("mlp", "series"),
        ("kv", "prefix"),
    }
    assert len(table) == 2 * 4 * 3 and set(table["layer"]) == {0, 1}
    assert table.groupby("batch").size().tolist() == [16, 8]
    assert table["gate"].between(0, 1).all() and table["gate"].nunique() > 10


def test_a_value_is_what_the_gate_gave() -> None:
    model, inputs = models.grown("bert", "sequence*lora@q:0"), models.batch("bert")
    (graft,) = attached(model).grafts.values()
    with recorded_gates(model) as gates:
        handle = graft.gate.register_forward_hook(lambda gate, args, g: expected.append(g.flatten().tolist()))
        expected: list[list[float]] = []
        model(**inputs)
        handle.remove()
    assert [record["gate"] for record in gates] == expected[0]
    assert {key: gates[1][key] for key in ("layer", "position", "method", "batch", "row")} == {
        **{"layer": 0, "position": "q", "method": "lora"},
        **{"batch": 0, "row": 1},
    }


@pytest.mark.parametrize("family", ["bert", "llama", "opt"])
def test_padding_is_left_out_of_the_mean_over_tokens(family: str) -> None:
    model, inputs = models.grown(family, "token*series(bottleneck=6)@mlp"), models.batch(family)
    alone = inputs["input_ids"][:1][inputs["attention_mask"][:1].bool()].unsqueeze(0)
    with recorded_gates(model) as padded:
        model(**inputs)
    with recorded_gates(model) as unpadded:
        position_ids = {"position_ids": torch.arange(alone.shape[1])[None]} if family == "llama" else {}
        model(input_ids=alone, attention_mask=torch.ones_like(alone), **position_ids)
    first = [record["gate"] for record in padded if record["row"] == 0]
    assert first == pytest.approx([record["gate"] for record in unpadded], abs=1e-5)


def test_one_number_for_all_rows_is_recorded_for_each() -> None:
    model = models.grown("gpt2", "scalar*lora")
    with recorded_gates(model) as gates:
        model(**models.batch("gpt2"))
    assert [record["row"] for record in gates] == [0, 1] * 4
    assert gates[0]["gate"] == gates[1]["gate"]


def test_shares_of_a_layer_sum_to_one() -> None:
    model = models.grown("bert", "softmax*[lora@q+prefix(tokens=3)]")
    with recorded_gates(model) as gates:
        model(**models.batch("bert"))
    sums = pd.DataFrame(gates).groupby(["layer", "row"])["gate"].sum()
    assert sums.tolist() == pytest.approx([1] * 4)


def test_decoding_records_every_step() -> None:
    model, inputs = models.grown("llama", "prompt*lora@q:0"), models.batch("llama")
    with recorded_gates(model) as gates:
        model.generate(**inputs, do_sample=False, min_new_tokens=4, max_new_tokens=4)
    table = pd.DataFrame(gates).pivot(index="batch", columns="row", values="gate")
    assert table.shape == (4, 2)
    assert (table.iloc[1:] == table.iloc[1]).all(axis=None), "the gate moved while the answer was written"


def test_nothing_is_left_behind() -> None:
    model = models.grown("bert", f"sequence*{THREE}")
    before = hooks(model)
    with pytest.raises(KeyError), recorded_gates(model):
        assert hooks(model) > before
        raise KeyError
    assert hooks(model) == before


def test_a_method_of_several_is_named() -> None:
    model = models.grown("bert", "sequence*lora@q:0")
    attach(model, "token*lora@v:1", name="other")
    with recorded_gates(model, "other") as gates:
        model(**models.batch("bert"))
    assert {record["position"] for record in gates} == {"v"}
    with pytest.raises(AttachError, match="say which"), recorded_gates(model):
        pass


def test_a_method_without_gates_has_nothing_to_record() -> None:
    with pytest.raises(RecordingError, match="'lora@q,v' has no gates"), recorded_gates(models.grown("bert", "lora")):
        pass


@pytest.mark.parametrize(
    ("family", "gate"),
    [("bert", "sequence"), *((family, gate) for family in ("llama", "opt") for gate in ("token", "prompt", "scalar"))],
)
def test_without_padding_there_is_a_record_for_each_row_too(family: str, gate: str) -> None:
    model, inputs = models.grown(family, f"{gate}*[lora@q+series(bottleneck=4)@mlp]"), packed.batch(family)
    if family != "bert":
        inputs["input_ids"][:, :2] = inputs["input_ids"][0, :2]  # computed once
    with recorded_gates(model) as expected:
        model(**inputs)
    with recorded_gates(model) as found, unpadded(model):
        model(**inputs)
    for one, other in zip(found, expected, strict=True):
        assert one == other | {"gate": pytest.approx(other["gate"], abs=1e-5)}


@pytest.mark.parametrize("gate", ["sequence", "token", "scalar", "softmax"])
def test_gates_of_one_are_the_method_without_gates(gate: str) -> None:
    model, inputs = models.grown("bert", f"{gate}*{THREE}"), models.batch("bert")
    free = model(**inputs).logits
    with forced_gates(model, 1.0):
        opened = model(**inputs).logits
    torch.testing.assert_close(model(**inputs).logits, free)
    assert hooks(model) == hooks(models.grown("bert", f"{gate}*{THREE}"))
    ungated = models.grown("bert", THREE.strip("[]"))
    ungated.load_state_dict({name: model.state_dict()[name] for name in ungated.state_dict()})
    torch.testing.assert_close(opened, ungated(**inputs).logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("gate", ["sequence", "token", "scalar", "softmax"])
def test_gates_of_zero_are_the_backbone(gate: str) -> None:
    model, inputs = models.grown("bert", f"{gate}*[lora(rank=4)@q,v+series(bottleneck=6)@mlp]"), models.batch("bert")
    with forced_gates(model, 0.0):
        shut = model.base_model(**inputs).last_hidden_state
    detach(model)  # gives the head back too, which was trained
    torch.testing.assert_close(shut, model.base_model(**inputs).last_hidden_state)


def test_a_method_without_gates_cannot_be_forced() -> None:
    model = models.grown("bert", "lora")
    assert not is_gated(model)
    with pytest.raises(RecordingError, match="no gates"), forced_gates(model, 1.0):
        pass


def test_a_compiled_model_follows_what_acts_and_what_is_forced() -> None:
    model, inputs = models.grown("llama", "token*lora"), models.batch("llama")
    compiled = torch.compile(model, backend="eager")

    def same() -> torch.Tensor:
        logits = model(**inputs).logits
        assert torch.equal(compiled(**inputs).logits, logits)
        return logits

    free = same()
    with forced_gates(model, 0.0):
        assert not torch.equal(same(), free)
    assert torch.equal(same(), free)
    activate(model)
    assert not torch.equal(same(), free)
    activate(model, "default")
    assert torch.equal(same(), free)
