"""Over a backbone that accelerate keeps elsewhere: what is grown is where its host is computed."""

from __future__ import annotations

from pathlib import Path

import models
import pytest
import torch
from accelerate import cpu_offload, dispatch_model
from transformers import PreTrainedModel

from pelt_core.attachment import AttachError, attach, detach
from pelt_core.checkpoint import load, save
from pelt_core.merging import merge
from pelt_core.modules.side import SideError
from pelt_core.offloading import device_of, is_offloaded
from pelt_core.sites import WeightError

SPECS = (
    "lora@q,v,down",
    "prefix(tokens=3)+series@mlp",
    "token*lora+layernorm",
    "prompt(tokens=3,start=vocabulary)",
)


def in_memory(model: PreTrainedModel) -> None:
    cpu_offload(model, torch.device("cpu"))


def one_layer_on_disk(model: PreTrainedModel, folder: Path) -> None:
    places = {"model.embed_tokens": "cpu", "model.layers.0": "cpu", "model.layers.1": "disk"}
    rest = {"model.norm": "cpu", "model.rotary_emb": "cpu", "lm_head": "cpu"}
    dispatch_model(model, places | rest, main_device="cpu", offload_dir=folder, force_hooks=True)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("on_disk", [False, True])
def test_a_method_computes_and_trains_as_over_weights_at_hand(spec: str, on_disk: bool, tmp_path: Path) -> None:
    plain, model = models.grown("llama", spec), models.tiny("llama")
    save(plain, tmp_path / "method")
    one_layer_on_disk(model, tmp_path / "weights") if on_disk else in_memory(model)
    assert model.model.layers[1].mlp.up_proj.weight.is_meta
    load(model, tmp_path / "method")
    assert not any(t.is_meta for t in model.pelt.state_dict().values())
    assert torch.equal(models.output(model), models.output(plain))
    for one in (plain, model):
        models.loss(one.train(), models.batch("llama")).backward()
    torch.testing.assert_close(models.gradients(model), models.gradients(plain))
    detach(model)
    assert torch.equal(models.output(model), models.output(models.tiny("llama")))


@pytest.mark.parametrize("spec", ["full", "head", "full:1"])
def test_what_is_kept_elsewhere_cannot_be_trained_where_it_is(spec: str) -> None:
    model = models.tiny("llama")
    in_memory(model)
    with pytest.raises(AttachError, match=f"weight is offloaded, and '{spec}' trains it where it is: keep it on a dev"):
        attach(model, spec)
    assert not hasattr(model, "pelt")


def test_what_needs_the_weights_is_refused() -> None:
    model = models.tiny("llama")
    in_memory(model)
    with pytest.raises(WeightError, match="^layers.0.self_attn.q_proj is offloaded: merging, and methods that compute"):
        attach(model, "dora@q")
    attach(model, "lora@q")
    with pytest.raises(WeightError, match="is offloaded"):
        merge(model)
    with pytest.raises(SideError, match="a side network starts as a part of the backbone's weights, and some are offl"):
        attach(model, "ladder(reduction=2)", name="side")
    assert list(model.pelt) == ["default"]


def test_a_model_without_numbers_is_not_kept_elsewhere() -> None:
    model = models.tiny("llama").to("meta")
    assert not is_offloaded(model.lm_head) and device_of(model) == torch.device("meta")
    assert device_of(torch.nn.ReLU()) is None
