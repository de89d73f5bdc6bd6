from __future__ import annotations

import json
import re
from pathlib import Path

import models
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

import pelt_core
from pelt_core.attachment import AttachError, activate, attach, attached, detach
from pelt_core.catalogue import BACKBONES
from pelt_core.checkpoint import CheckpointError, fingerprint, load, load_trained_state, save, trained_state
from pelt_core.drawing import drawn_from
from pelt_core.errors import PeltError
from pelt_core.methods import METHODS
from pelt_core.modules import intrinsic
from pelt_core.modules.weights import LoRA


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
    config = json.loads((saved / "pelt.json").read_text())
    for key in ("fingerprint", "fingerprint_fp16"):
        assert re.fullmatch("[0-9a-f]{16}", config["backbone"].pop(key))
    assert config == {
        "format": 2,
        "method": "lora(rank=4)@up:1",
        "arguments": [{"name": "lora", **METHODS["lora"].defaults, "rank": 4}],
        "projection": None,
        "backbone": {"name": "", "family": "llama", "layers": 2, "hidden": 32},
        "versions": {
            "pelt_core": pelt_core.__version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
    }


def test_a_classifier_s_head_is_saved_with_the_method(tmp_path: Path) -> None:
    model = models.grown("bert", "prefix(tokens=2):0")
    save(model, tmp_path)
    names = {"classifier.weight", "classifier.bias", "pelt.grafts.0_kv_prefix.delta.P"}
    assert set(load_file(tmp_path / "pelt.safetensors")) == names


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
    assert len(load_file(saved / "pelt.safetensors")) == len(trained_state(model))
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
    loaded = attached(model).grafts["1_up_lora"].delta.B
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


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (models.tiny("mistral"), "name '', family 'llama'; this model has name '', family 'mistral'"),
        (llama(num_hidden_layers=3), "name '', layers 2; this model has name '', layers 3"),
        (llama(hidden_size=64), "name '', hidden 32; this model has name '', hidden 64"),
        (
            llama(),
            "name '', fingerprint '.{16}', fingerprint_fp16 '.{16}'; this model has name '', fingerprint '.{16}', "
            "fingerprint_fp16 '.{16}'",
        ),
    ],
)
def test_another_backbone_is_refused(model: PreTrainedModel, said: str, saved: Path) -> None:
    refused(model, saved, f"^trained on another backbone: {said}$")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_fingerprint_is_that_of_the_pretrained_backbone(dtype: torch.dtype) -> None:
    expected = fingerprint(models.tiny("bert"))
    assert expected != fingerprint(models.tiny("roberta"))
    model = models.grown("bert", "full", dtype=dtype)
    attach(model, "lora", name="other")
    assert fingerprint(model) == fingerprint(models.tiny("bert").bert) == expected
    detach(model, "other")
    detach(model)
    with torch.no_grad():
        model.classifier.weight.zero_()
        assert fingerprint(model) == expected
        model.bert.encoder.layer[1].output.dense.weight *= 1.01
    assert fingerprint(model) != expected


TYPES = (torch.float32, torch.bfloat16, torch.float16)


@pytest.mark.parametrize("written_in", TYPES)
@pytest.mark.parametrize("read_in", TYPES)
def test_a_backbone_is_the_same_in_every_type(written_in: torch.dtype, read_in: torch.dtype, tmp_path: Path) -> None:
    save(models.grown("llama", "lora@q", dtype=written_in), tmp_path)
    load(models.tiny("llama").to(read_in), tmp_path)
    if {written_in, read_in} != {torch.bfloat16, torch.float16}:  # each is rounded on its own from the first
        refused(llama().to(read_in), tmp_path, "^trained on another backbone: ")


def test_a_backbone_that_cannot_be_compared_is_accepted(saved: Path) -> None:
    config = json.loads((saved / "pelt.json").read_text())
    config["backbone"]["fingerprint"] = None
    del config["backbone"]["fingerprint_fp16"]  # as in an older save
    (saved / "pelt.json").write_text(json.dumps(config))
    load(llama(), saved)
    assert fingerprint(llama().to("meta")) is None


def test_a_default_that_has_changed_is_told(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LoRA.__init__, "__defaults__", (8, 99.0, *LoRA.__init__.__defaults__[2:]))
    refused(models.tiny("llama"), saved, "'lora\\(rank=4\\)@up:1' meant .*'alpha': 16.0.* now means .*'alpha': 99.0")


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


def test_another_file_of_json_is_refused(saved: Path) -> None:
    (saved / "pelt.json").write_text("[]")
    refused(models.tiny("llama"), saved, r"pelt.json holds no settings: give a folder that save\(model, ...\) wrote")


def test_another_format_is_refused(saved: Path) -> None:
    config = json.loads((saved / "pelt.json").read_text())
    (saved / "pelt.json").write_text(json.dumps(config | {"format": 3}))
    said = f"has format 3, and this version of pelt_core reads 2: load it with pelt_core {pelt_core.__version__} that "
    refused(models.tiny("llama"), saved, said + "wrote it, or train it again$")
    (saved / "pelt.json").write_text("{}")
    refused(models.tiny("llama"), saved, "has format None, and this .*: load it with pelt_core of the version that")


def test_settings_that_lack_something_are_refused(saved: Path) -> None:
    whole = json.loads((saved / "pelt.json").read_text())
    (saved / "pelt.json").write_text(json.dumps({"format": 2}))
    refused(models.tiny("llama"), saved, r"pelt.json lacks method, arguments, backbone: give one that save\(model, ...")
    del whole["backbone"]["family"]
    (saved / "pelt.json").write_text(json.dumps(whole))
    refused(models.tiny("llama"), saved, "pelt.json lacks backbone.family: give")


def test_a_model_must_carry_a_method_to_be_saved_and_none_of_that_name_to_be_loaded(
    saved: Path, tmp_path: Path
) -> None:
    with pytest.raises(AttachError, match="carries no method"):
        save(models.tiny("llama"), tmp_path / "new")
    assert not (tmp_path / "new").exists()
    model = models.tiny("llama")
    attach(model, "series")
    with pytest.raises(AttachError, match="already carries 'series@attn,mlp'"):
        load(model, saved)
    load(model, saved, name="beside")
    assert model.pelt.acting == ("default", "beside")


def test_one_of_several_is_saved_whether_it_acts_or_not_and_loaded_by_another_name(tmp_path: Path) -> None:
    model, inputs = models.tiny("bert"), models.batch("bert")
    for name, spec in (("a", "lora@q"), ("b", "prefix(tokens=2)")):
        attach(model, spec, name=name)
        models.stir(model)
    with pytest.raises(AttachError, match="say which one"):
        save(model, tmp_path)
    for name in "ab":
        save(model, tmp_path / name, name)
    for name in "ab":
        activate(model, name)
        other = models.tiny("bert")
        loaded = load(other, tmp_path / name, name="other")
        assert other.pelt["other"] is loaded and other.pelt.acting == ("other",)
        assert torch.equal(other(**inputs).logits, model(**inputs).logits)
        assert torch.equal(other.classifier.weight, model.classifier.weight)


def test_tensors_that_several_modules_share_are_saved_once(tmp_path: Path) -> None:
    model = models.grown("llama", "said(dimension=12)@linears")
    save(model, tmp_path)
    assert sum(t.numel() for t in load_file(tmp_path / "pelt.safetensors").values()) == sum(
        p.numel() for p in attached(model).parameters()
    )


def test_what_is_not_trained_but_needed_travels_too(tmp_path: Path) -> None:
    model, inputs = models.tiny("llama"), models.batch("llama")
    attach(model, "sparse(fraction=0.1)@q", seed=5)
    models.stir(model)
    save(model, tmp_path)
    other = models.tiny("llama")
    load(other, tmp_path)
    assert torch.equal(other(**inputs).logits, model(**inputs).logits)


def test_another_random_projection_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(models.grown("llama", "said(dimension=12)@q"), tmp_path)
    monkeypatch.setattr(intrinsic, "drawn_from", lambda seed: drawn_from(seed + 1))  # as another torch may draw
    model = models.tiny("llama")
    with pytest.raises(CheckpointError, match=r"trained under another random projection, [0-9a-f]{16} and not"):
        load(model, tmp_path)
    assert not hasattr(model, "pelt")
