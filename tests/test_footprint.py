"""The memory that a run is said to need, against what a training step really keeps."""

import dataclasses
import inspect

import models
import pytest
import torch
from samples import RUN

from pelt_core import train
from pelt_core.attachment import attach
from pelt_core.backbones import load_model
from pelt_core.micro_batches import TOKENS
from pelt_core.objective import training_losses
from pelt_core.precision import PrecisionError, cast_backbone
from pelt_core.study.footprint import ADAM_BYTES, activations, memory
from pelt_core.unpadding import unpadded

TINY = dataclasses.replace(RUN, backbone="tiny-llama", method="lora(rank=4)@q,v", precision="fp32")


def test_a_part_has_as_many_tokens_as_training_computes_at_once():
    assert inspect.signature(train.fit).parameters["micro_batch_tokens"].default == TOKENS


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("method", ["lora(rank=32,alpha=64)@q,k,v,up,down", "series(bottleneck=64)@mlp"])
def test_activations_are_those_that_training_keeps(method, dtype):
    model = load_model("smollm2-135m")
    attach(model, method)
    cast_backbone(model, dtype)
    own = {p.untyped_storage()._cdata for p in model.parameters()}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage
        return tensor

    ids = torch.randint(5, 1000, (2, 128))
    labels = torch.where(torch.arange(128) < 64, -100, ids)
    with unpadded(model.train()), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        losses = training_losses(model, ids, torch.ones_like(ids), labels)
    assert losses.requires_grad
    really = sum(storage.nbytes() for storage in kept.values()) * TOKENS / ids.numel()
    name = {torch.float32: "fp32", torch.bfloat16: "bf16"}[dtype]
    assert activations("smollm2-135m", method, name) == pytest.approx(really, rel=0.1)


@pytest.mark.parametrize("method", [method for _, method in models.pairs(["llama"], models.SPECS)])
def test_every_method_can_be_counted(method):
    trains_below_the_head = method not in ("none", "head")
    assert (activations("tiny-llama", method, "fp32") > 0) is trains_below_the_head


def test_layers_below_the_lowest_module_keep_nothing():
    each = activations("tiny-llama", "lora@q,v", "fp32")
    assert 0.3 * each < activations("tiny-llama", "lora@q,v:1", "fp32") < 0.7 * each


def test_weights_gradients_and_moments_come_to_it():
    trained = 2 * 4 * ((32 + 32) + (32 + 16))  # layers, rank, (in + out) of q and of v
    held = 32_160 * 4 + trained * ADAM_BYTES
    assert memory(TINY) == held + activations("tiny-llama", TINY.method, "fp32")
    assert memory(dataclasses.replace(TINY, train="")) == held
    assert memory(dataclasses.replace(TINY, train="", precision="bf16")) == held - 32_160 * 2


def test_a_precision_that_a_method_cannot_have_is_found_beforehand():
    with pytest.raises(PrecisionError, match="choose precision fp32"):
        memory(dataclasses.replace(TINY, method="head", precision="bf16"))


@pytest.mark.parametrize("method", ["full", "bitfit", "prefix(tokens=3)", f"sequence*{models.THREE}", models.PFEIFFER])
def test_classifiers_of_encoders_can_be_counted(method: str) -> None:
    assert activations("tiny-bert", method, "fp32", "classification") > 0
