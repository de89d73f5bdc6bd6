"""Over a quantised backbone: grafts read and change what its maps read and write, and never the weights."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace

import models
import pytest
import torch
import torch.nn.functional as F
from datasets import Dataset
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from pelt_core.attachment import attach, detach
from pelt_core.checkpoint import fingerprint, load, save
from pelt_core.merging import merge
from pelt_core.peft_format.folders import load_peft, save_peft
from pelt_core.precision import backbone_in
from pelt_core.sites import WeightError
from pelt_core.train import fit


class Int8Linear(nn.Module):
    """`y = (s q) x`, with `q` of 8 bits and one scale for each row, as weight-only quantisation keeps it."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features, self.bias = linear.in_features, linear.out_features, linear.bias
        scale = linear.weight.detach().abs().amax(1, keepdim=True) / 127
        self.register_buffer("scale", scale)
        self.register_buffer("codes", (linear.weight.detach() / scale).round().to(torch.int8))

    def dequantised(self) -> Tensor:
        return self.codes.to(self.scale.dtype) * self.scale

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.dequantised(), self.bias)


class Int4Linear(Int8Linear):
    """Codes of 4 bits, two in a byte, as a `weight` of `(d_out * d_in / 2, 1)` that is no matrix of numbers."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__(linear)
        codes = (self.codes.float() * 7 / 127).round().to(torch.int16).flatten() + 8
        self.scale *= 127 / 7
        del self.codes
        self.weight = nn.Parameter((16 * codes[::2] + codes[1::2]).to(torch.uint8).unsqueeze(1), requires_grad=False)

    def dequantised(self) -> Tensor:
        codes = torch.cat([self.weight // 16, self.weight % 16], dim=1).to(self.scale.dtype) - 8
        return codes.view(self.out_features, self.in_features) * self.scale


def linears(model: PreTrainedModel) -> dict[str, nn.Linear]:
    return {name: module for name, module in model.base_model.named_modules() if type(module) is nn.Linear}


def by_module(model: PreTrainedModel, kind: type[Int8Linear] = Int8Linear) -> None:
    for name, linear in linears(model).items():
        model.base_model.set_submodule(name, kind(linear))


def by_packing(model: PreTrainedModel) -> None:
    by_module(model, Int4Linear)


def by_tensor(model: PreTrainedModel) -> None:
    """As torchao quantises. Skipped without it, and last run with 0.18.0, put where nothing else finds it::

        pip install --no-deps --target DIR torchao==0.18.0
        PYTHONPATH=DIR TORCHAO_FORCE_SKIP_LOADING_SO_FILES=1 pytest tests/test_quantised.py

    The tested environment leaves it out: transformers imports all of it as soon as it is installed, so that every
    command and notebook would start later, and with its complaints about extensions compiled for other machines.
    """
    quantization = pytest.importorskip("torchao.quantization")
    quantization.quantize_(model.base_model, quantization.Int8WeightOnlyConfig())


def dequantised(model: PreTrainedModel, family: str) -> PreTrainedModel:
    """The model of plain weights that computes the same."""
    plain = models.tiny(family)
    for name, linear in linears(plain).items():
        host = model.base_model.get_submodule(name)
        weight = host.dequantised() if isinstance(host, Int8Linear) else host.weight.dequantize()
        linear.weight.data = weight.detach()
    return plain


def numbers(model: PreTrainedModel) -> dict[str, Tensor]:
    """A copy of all that the model keeps; of a quantised tensor, the numbers that it stands for."""
    state = model.state_dict().items()
    return {name: (value if type(value) is Tensor else value.dequantize()).clone() for name, value in state}


@pytest.fixture(params=[by_module, by_packing, by_tensor])
def quantised(request: pytest.FixtureRequest, family: str) -> PreTrainedModel:
    model = models.tiny(family)
    request.param(model)
    return model


GRAFTED = ("lora@linears", "series@attn,mlp+prefix(tokens=2)", "ia3", "bitfit@q,up+layernorm", "token*[lora+parallel]")


@pytest.mark.parametrize("family", ["llama", "bert"])
@pytest.mark.parametrize("spec", GRAFTED)
def test_a_method_trains_as_over_the_same_numbers_in_full(
    quantised: PreTrainedModel, family: str, spec: str, tmp_path: Path
) -> None:
    plain, bare = dequantised(quantised, family), models.output(quantised)
    torch.testing.assert_close(models.output(plain), bare, atol=1e-5, rtol=1e-5)
    for model in (quantised, plain):
        attach(model, spec)
        models.stir(model)
        models.loss(model, models.batch(family)).backward()
    torch.testing.assert_close(models.output(quantised), models.output(plain), atol=1e-5, rtol=1e-5)
    expected, found = models.gradients(plain), models.gradients(quantised)
    assert expected.keys() == found.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-5, rtol=1e-4)
    save(quantised, tmp_path)
    trained = models.output(quantised)
    detach(quantised)
    assert torch.equal(models.output(quantised), bare)
    load(quantised, tmp_path)
    assert torch.equal(models.output(quantised), trained)
    assert fingerprint(quantised) is None
    load(plain, tmp_path, name="again")


@pytest.mark.parametrize("family", ["llama", "bert"])
@pytest.mark.parametrize("spec", ["lora(rank=3)@linears", "ia3", "layernorm"])
def test_peft_s_folder_is_that_of_the_same_over_full_weights(
    quantised: PreTrainedModel, family: str, spec: str, tmp_path: Path
) -> None:
    plain = dequantised(quantised, family)
    for model, folder in ((quantised, "quantised"), (plain, "plain")):
        attach(model, spec)
        models.stir(model)
        save_peft(model, tmp_path / folder)
    expected, found = (load_file(tmp_path / f / "adapter_model.safetensors") for f in ("plain", "quantised"))
    assert expected.keys() == found.keys() and all(torch.equal(found[key], t) for key, t in expected.items())
    trained = models.output(quantised)
    detach(quantised)
    load_peft(quantised, tmp_path / "plain")
    torch.testing.assert_close(models.output(quantised), trained, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", ["llama"])
def test_training_changes_the_method_alone(quantised: PreTrainedModel, family: str, tmp_path: Path) -> None:
    quantised.is_quantized = True  # as transformers marks what it has quantised
    quantised.hf_quantizer = SimpleNamespace(is_trainable=True)
    attach(quantised, "lora(rank=4)@linears")
    before = numbers(quantised)
    ids = [[5, 9, 12, 7], [8, 6, 11, 10]]
    rows = Dataset.from_list([{"id": str(i), "input_ids": row, "labels": row} for i, row in enumerate(ids)])
    result = fit(
        quantised,
        rows,
        learning_rate=1e-2,
        epochs=4,
        batch_size=2,
        warmup=0.0,
        weight_decay=0.0,
        seed=0,
        workdir=tmp_path,
    )
    assert quantised.is_quantized
    assert result.steps == 4 and result.loss_curve[-1][1] < result.loss_curve[0][1]
    for name, value in numbers(quantised).items():
        assert torch.equal(value, before[name]) != name.startswith("pelt."), name


@pytest.mark.parametrize("family", ["llama"])
def test_codes_are_no_numbers_to_cast(family: str) -> None:
    model = models.tiny(family)
    by_packing(model)
    attach(model, "lora@q")
    norm, codes = "model.norm.weight", "model.layers.0.mlp.up_proj.weight"
    model.get_parameter(norm).data = model.get_parameter(norm).data.double()
    before = {name: p.dtype for name, p in model.named_parameters()}
    with backbone_in(model, torch.bfloat16):
        assert model.get_parameter(norm).dtype == torch.bfloat16
        assert model.get_parameter(codes).dtype == before[codes] == torch.uint8
    assert {name: p.dtype for name, p in model.named_parameters()} == before


@pytest.mark.parametrize("family", ["llama"])
def test_what_needs_the_weights_is_refused(quantised: PreTrainedModel, family: str) -> None:
    bare = models.output(quantised)
    with pytest.raises(WeightError, match="^layers.0.self_attn.q_proj is a .* not as plain numbers: merging, and"):
        attach(quantised, "dora")
    assert not hasattr(quantised, "pelt")
    attach(quantised, "layernorm+lora")
    before = copy.deepcopy(quantised.pelt.state_dict())
    with pytest.raises(WeightError, match="others, such as lora, do not$"):
        merge(quantised)
    assert all(torch.equal(value, before[name]) for name, value in quantised.pelt.state_dict().items())
    assert torch.equal(models.output(quantised), bare)


@pytest.mark.parametrize("family", ["llama"])
def test_quantised_tensors_cannot_be_trained_in_place(family: str) -> None:
    model = models.tiny(family)
    by_tensor(model)
    with pytest.raises(WeightError, match="^model.layers.0.mlp.down_proj.weight is kept as a .*Tensor, not as plain"):
        attach(model, "full")
    attach(model, "head")
