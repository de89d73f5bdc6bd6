from __future__ import annotations

import json
from pathlib import Path

import models
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from pelt_core.attachment import AttachError, attach, attached
from pelt_core.catalogue import BACKBONES
from pelt_core.checkpoint import CheckpointError, load, load_trained_state, save, trained_state
from pelt_core.errors import PeltError


def llama(**changes: int) -> PreTrainedModel:
    return AutoModelForCausalLM.from_config(AutoConfig.for_model("llama", **BACKBONES["tiny-llama"].config | changes))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save(models.grown("llama", "lora(rank=4)@up:1"), tmp_path / "run" / "trained")
    return tmp_path / "run" / "trained"


def test_the_trained_tensors_by_name(saved: Path) -> None:
    tensors = load_file(saved / "pelt.safetensors")
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    assert shapes == {"pelt.grafts.1_up_lora.delta.A": (4, 32), "pelt.grafts.1_up_lora.delta.B": (48, 4)}
    assert (saved / "pelt.safetensors").stat().st_size < 4 * (4 * 32 + 48 * 4) + 400


def test_a_person_can_read_what_was_saved(saved: Path) -> None:
    assert json.loads((saved / "pelt.json").read_text()) == {
        "format": 1,
        "method": "lora(rank=4)@up:1",
        "backbone": {"family": "llama", "layers": 2, "hidden": 32},
    }


def test_a_classifier_s_head_is_saved_with_the_method(tmp_path: Path) -> None:
    model = models.grown("bert", "prefix(tokens=2):0")
    save(model, tmp_path)
    names = {"classifier.weight", "classifier.bias", "pelt.grafts.0_kv_prefix.delta.P"}
    assert set(load_file(tmp_path / "pelt.safetensors")) == names == set(trained_state(model))


def test_a_shared_tensor_is_saved_once(tmp_path: Path) -> None:
    model = models.grown("gpt2", "full")
    assert "transformer.wte.weight" in trained_state(model) and "lm_head.weight" not in trained_state(model)
    save(model, tmp_path)
    other = models.tiny("gpt2")
    load(other, tmp_path)
    assert other.lm_head.weight is other.transformer.wte.weight
    assert torch.equal(other.lm_head.weight, model.lm_head.weight)


def test_a_later_save_replaces_an_earlier_one(saved: Path) -> None:
    model = models.grown("llama", "series(bottleneck=2)@mlp")
    save(model, saved)
    assert set(load_file(saved / "pelt.safetensors")) == set(trained_state(model))
    other = models.tiny("llama")
    load(other, saved)
    assert str(attached(other).method) == "series(bottleneck=2)@mlp"


def test_tensors_are_filled_in_place() -> None:
    model = models.grown("llama", "lora@q")
    held = dict(model.pelt.named_parameters())
    state = {name: torch.full_like(tensor, 3.0) for name, tensor in trained_state(model).items()}
    load_trained_state(model, state)
    assert all(p is held[name] and (p == 3).all() for name, p in model.pelt.named_parameters())


def test_fp32_modules_stay_fp32_over_a_bf16_backbone(saved: Path) -> None:
    model = models.tiny("llama").bfloat16()
    load(model, saved)
    loaded = dict(model.pelt.named_parameters())["grafts.1_up_lora.delta.B"]
    assert loaded.dtype is torch.float32
    assert torch.equal(loaded, load_file(saved / "pelt.safetensors")["pelt.grafts.1_up_lora.delta.B"])


def refused(model: PreTrainedModel, folder: Path, said: str) -> None:
    """The checkpoint is refused with this message, and the model keeps no trace of it."""
    before = {name: p.clone() for name, p in model.named_parameters()}
    with pytest.raises(CheckpointError, match=said) as caught:
        load(model, folder)
    assert isinstance(caught.value, PeltError)
    assert not hasattr(model, "pelt") and all(p.requires_grad for p in model.parameters())
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


@pytest.mark.parametrize("model", [models.tiny("mistral"), llama(num_hidden_layers=3), llama(hidden_size=64)])
def test_another_backbone_is_refused(model: PreTrainedModel, saved: Path) -> None:
    own = f"'family': '{model.config.model_type}', 'layers': {model.config.num_hidden_layers}"
    refused(model, saved, f"trained on .*'llama', 'layers': 2, 'hidden': 32.* but this model is .*{own}")


def test_another_shape_is_refused(saved: Path) -> None:
    name = r"pelt.grafts.1_up_lora.delta.B is \(48, 4\) in the checkpoint and \(40, 4\) in the model"
    refused(llama(intermediate_size=40), saved, name)


def test_missing_and_unexpected_tensors_are_named(saved: Path) -> None:
    state = load_file(saved / "pelt.safetensors")
    renamed = {name.replace("delta.A", "delta.C"): tensor for name, tensor in state.items()}
    save_file(renamed, saved / "pelt.safetensors")
    refused(models.tiny("llama"), saved, r"missing pelt\S+delta.A; unexpected pelt\S+delta.C$")


def test_a_long_list_of_differences_is_cut() -> None:
    model = models.grown("llama", "lora@q,k,v,o,up,down")
    with pytest.raises(CheckpointError, match="(missing [^;]+; ){4}missing [^;]+ and 19 more$"):
        load_trained_state(model, {})


def test_a_folder_without_a_checkpoint_is_named(tmp_path: Path, saved: Path) -> None:
    refused(models.tiny("llama"), tmp_path / "nothing", r"nothing has no pelt.json and no pelt.safetensors: give")
    (saved / "pelt.safetensors").unlink()
    refused(models.tiny("llama"), saved, r"has no pelt.safetensors: give a folder that save\(model, ...\) wrote")


@pytest.mark.parametrize("name", ["pelt.safetensors", "pelt.json"])
def test_a_file_that_was_cut_off_is_refused(saved: Path, name: str) -> None:
    (saved / name).write_bytes((saved / name).read_bytes()[:-20])
    refused(models.tiny("llama"), saved, "cannot be read, it may not have been written to its end")


def test_a_later_format_is_refused(saved: Path) -> None:
    config = json.loads((saved / "pelt.json").read_text())
    (saved / "pelt.json").write_text(json.dumps(config | {"format": 2}))
    refused(models.tiny("llama"), saved, "has format 2, and this version of pelt_core reads 1")


def test_a_model_must_carry_a_method_to_be_saved_and_none_to_be_loaded(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(AttachError, match="carries no method"):
        save(models.tiny("llama"), tmp_path / "new")
    assert not (tmp_path / "new").exists()
    model = models.tiny("llama")
    attach(model, "series")
    with pytest.raises(AttachError, match="already carries 'series@attn,mlp'"):
        load(model, saved)
