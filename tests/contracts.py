"""What must hold for every method on every family, as functions that raise where it does not.

`test_contracts.py` runs them on the code as it is, `test_mutations.py` on the code with a known fault in it.
"""

from __future__ import annotations

import copy
import io
import tempfile
from pathlib import Path
from typing import Any

import models
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import PreTrainedModel

from pelt_core import checkpoint
from pelt_core.attachment import attach, attached, detach
from pelt_core.errors import PeltError
from pelt_core.merging import MergeError, merge, unmerge
from pelt_core.prompt_end import prompt_ends
from pelt_core.sites import layers


@torch.no_grad()  # T5's attention takes another kernel where a gradient passes
def starts_as_the_backbone(family: str, spec: str) -> None:
    model, inputs = models.tiny(family), models.batch(family)
    before = model(**inputs).logits
    attach(model, spec)
    assert torch.equal(model(**inputs).logits, before), "attaching changed the logits"


def refuses_to_attach(family: str, spec: str) -> None:
    model = models.tiny(family)
    before = _state(model)
    try:
        attach(model, spec)
    except PeltError as error:
        assert models.REFUSED[spec][family] in str(error), "the message does not say why"
    else:
        raise AssertionError(f"attached {spec}, which makes no sense on {family}")
    assert _state(model) == before


def acts_once_trained(family: str, spec: str) -> None:
    model, inputs = models.tiny(family), models.batch(family)
    before = model(**inputs).logits
    attach(model, spec)
    models.stir(model)
    assert not torch.equal(model(**inputs).logits, before), "moving the trained tensors changed nothing"


def _to_be_trained(model: PreTrainedModel, family: str, spec: str) -> set[str]:
    everything = {name for name, _ in model.named_parameters()}
    if spec in ("full", "none"):
        return everything if spec == "full" else set()
    if spec == "full:last1":
        last = layers(model)[-1].path
        head = models.HEADS[family] if family in models.ENCODERS else set()
        return head | {name for name in everything if f".{last}." in f".{name}"}
    head = models.HEADS[family] if family in models.ENCODERS or spec == "head" else set()
    return head | {name for name in everything if name.startswith("pelt.")}


def trains_only_itself(family: str, spec: str) -> None:
    model, inputs = models.grown(family, spec), models.batch(family)
    expected = _to_be_trained(model, family, spec)
    models.loss(model.train(), inputs).backward()
    found = models.gradients(model)
    assert set(found) == expected, f"gradients where none belong, or none: {set(found) ^ expected}"
    idle = [name for name, g in found.items() if name.startswith("pelt.") and not g.any()]
    assert not idle, f"nothing ever reaches {idle}"


def _state(model: PreTrainedModel) -> dict[str, Any]:
    hooks = {
        (name, kind): list(value)
        for name, module in model.named_modules()
        for kind, value in vars(module).items()
        if "_hooks" in kind and value
    }
    return {
        "hooks": hooks,
        "classes": {name: type(module) for name, module in model.named_modules()},
        "modes": {name: module.training for name, module in model.named_modules()},
        "requires_grad": {name: p.requires_grad for name, p in model.named_parameters()},
        "attributes": set(vars(model)),
    }


def detaches_without_a_trace(family: str, spec: str) -> None:
    model, inputs = models.tiny(family), models.batch(family)
    next(model.parameters()).requires_grad_(False)  # as someone may have left it
    model.register_forward_hook(lambda *_: None)
    before, weights, logits = _state(model), copy.deepcopy(model.state_dict()), model(**inputs).logits
    attach(model, spec)
    models.stir(model)
    model(**inputs)
    detach(model)
    for what, value in _state(model).items():
        assert value == before[what], f"{what} differ after detach"
    after = model.state_dict()
    assert list(after) == list(weights) and all(torch.equal(after[name], value) for name, value in weights.items())
    assert torch.equal(model(**inputs).logits, logits)


def generates_alike_with_and_without_cache(family: str, spec: str, num_beams: int = 1, **cache: Any) -> None:
    model, inputs = models.grown(family, spec), models.batch(family)
    how: dict[str, Any] = {"do_sample": False, "num_beams": num_beams, "min_new_tokens": 6, "max_new_tokens": 6}
    how |= {"return_dict_in_generate": True, "output_logits": True}
    cached = model.generate(**inputs, **how, use_cache=True, **cache)
    with prompt_ends(model, inputs.get("decoder_input_ids", inputs["input_ids"]).shape[1]):
        plain = model.generate(**inputs, **how, use_cache=False)
    assert torch.equal(cached.sequences, plain.sequences), "other tokens with the cache than without"
    for step, (one, other) in enumerate(zip(cached.logits, plain.logits, strict=True)):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5, msg=f"other logits with the cache at step {step}")


def padding_changes_nothing(family: str, spec: str) -> None:
    model, inputs = models.grown(family, spec), models.batch(family)
    alone = {name: value[:1] for name, value in inputs.items()}
    mask = alone["attention_mask"].bool()
    alone |= {name: alone[name][mask].unsqueeze(0) for name in ("input_ids", "attention_mask")}
    unpadded = model(**alone).logits
    if models.base(family) in models.DECODERS:
        how = {"do_sample": False, "min_new_tokens": 1, "max_new_tokens": 1, "return_dict_in_generate": True}
        padded, unpadded = model.generate(**inputs, **how, output_logits=True).logits[0][:1], unpadded[:, -1]
    else:
        padded = model(**inputs).logits[:1]
    torch.testing.assert_close(padded, unpadded, atol=1e-5, rtol=1e-5)


def no_token_sees_the_future(family: str, spec: str) -> None:
    model, inputs = models.grown(family, spec), models.batch(family)
    inputs = {name: value[1:] for name, value in models.unmasked(inputs).items()}
    name = "decoder_input_ids" if models.base(family) in models.ENCODER_DECODERS else "input_ids"
    changed = inputs[name].clone()
    changed[0, -1] += 1 if changed[0, -1] < 259 else -1
    one, other = model(**inputs).logits, model(**inputs | {name: changed}).logits
    torch.testing.assert_close(one[:, :-1], other[:, :-1], atol=1e-6, rtol=0)
    assert not torch.allclose(one[:, -1], other[:, -1])


def trains_alike_under_gradient_checkpointing(family: str, spec: str) -> None:
    model, inputs = models.grown(family, spec).train(), models.batch(family)
    expected = models.loss(model, inputs)
    expected.backward()
    gradients, calls = models.gradients(model), []
    block = layers(model)[0]
    attention = model.base_model.get_submodule(f"{block.path}.{block.stack.attention}")
    for module in (attention, *(part for graft in attached(model).grafts.values() for part in graft.delta.modules())):
        module.register_forward_pre_hook(lambda module, *_: calls.append("called"))
    for use_reentrant in (False, True):
        model.zero_grad()
        model.activation_checkpointing_enable({"use_reentrant": use_reentrant})
        found = models.loss(model, inputs)
        in_forward = len(calls)
        found.backward()
        assert len(calls) > in_forward, "the layers were not computed anew in the backward pass"
        torch.testing.assert_close(found, expected, atol=0, rtol=1e-6)
        torch.testing.assert_close(models.gradients(model), gradients, atol=1e-6, rtol=1e-5)


def trains_in_fp32_over_bf16(family: str, spec: str) -> None:
    model, inputs = models.grown(family, spec, dtype=torch.bfloat16).train(), models.batch(family)
    logits = _drawn_alike(model, inputs)
    assert logits.dtype is torch.bfloat16
    models.loss(model, inputs).backward()
    for name, p in model.pelt.named_parameters():
        assert p.dtype is p.grad.dtype is torch.float32, f"{name} is {p.dtype}, its gradient {p.grad.dtype}"
        assert p.grad.isfinite().all() and p.grad.any()
    with torch.no_grad():
        exact = _drawn_alike(models.grown(family, spec).train(), inputs)
        backbone, rounded = (
            models.real(_drawn_alike(models.tiny(family).to(dtype).train(), inputs).float(), inputs)
            for dtype in (torch.float32, torch.bfloat16)
        )
    effect, expected = models.real(logits.float(), inputs) - rounded, models.real(exact, inputs) - backbone
    error, noise = (effect - expected).norm(), (rounded - backbone).norm()
    assert error < 0.02 * expected.norm() + 1.5 * noise, f"{error:.2g} off an effect of {expected.norm():.2g}"


def trains_after_a_cast_of_all(family: str, spec: str) -> None:
    model, inputs = models.grown(family, spec), models.batch(family)
    exact = models.real(model(**inputs).logits, inputs).detach()
    cast = models.real(model.to(torch.bfloat16)(**inputs).logits, inputs)
    assert cast.dtype is torch.bfloat16
    error = (cast.float() - exact).norm() / exact.norm()
    assert error < 0.05, f"off by {error:.2g} of the logits"
    models.loss(model.train(), inputs).backward()
    for name, p in model.pelt.named_parameters():
        assert p.dtype is p.grad.dtype is torch.bfloat16 and p.grad.isfinite().all(), name


def _drawn_alike(model: PreTrainedModel, inputs: dict[str, Tensor]) -> Tensor:
    torch.manual_seed(0)
    logits: Tensor = model(**inputs).logits
    return logits


def saves_what_was_trained_and_nothing_else(family: str, spec: str) -> None:
    model, inputs = models.grown(family, spec), models.batch(family)
    trained, state = _to_be_trained(model, family, spec), model.state_dict()
    saved = trained | {name for name, _ in model.named_buffers() if name.startswith("pelt.") and name in state}
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.save(model, folder)
        assert {path.name for path in Path(folder).iterdir()} == {"pelt.json", "pelt.safetensors"}
        tensors = load_file(Path(folder) / "pelt.safetensors")
        written = {name.replace("pelt.", "pelt.default."): tensor for name, tensor in tensors.items()}
        assert set(written) == saved
        assert all(torch.equal(tensor, state[name]) for name, tensor in written.items())
        other = models.tiny(family)
        checkpoint.load(other, folder)
    assert torch.equal(other(**inputs).logits, model(**inputs).logits)
    assert {name for name, p in other.named_parameters() if p.requires_grad} == trained
    assert str(attached(other).method) == str(attached(model).method)


def merges_into_the_weights(family: str, spec: str) -> None:
    model, inputs = models.grown(family, spec), models.batch(family)
    names, weights = set(models.tiny(family).state_dict()), copy.deepcopy(model.state_dict())
    grafted = model(**inputs).logits
    merged = merge(model)
    assert set(model.state_dict()) == names and not hasattr(model, "pelt") and not _state(model)["hooks"]
    torch.testing.assert_close(model(**inputs).logits, grafted, atol=1e-5, rtol=1e-5)
    unmerge(model, merged)
    assert torch.equal(model(**inputs).logits, grafted)
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


def refuses_to_merge(family: str, spec: str) -> None:
    model, inputs = models.grown(family, spec), models.batch(family)
    before, weights, logits = _state(model), copy.deepcopy(model.state_dict()), model(**inputs).logits
    try:
        merge(model)
    except MergeError as error:
        assert "cannot be merged: " in str(error) and len(str(error)) > 60, "the message does not say why"
    else:
        raise AssertionError(f"merged {spec}, which is not a change of weights")
    assert _state(model) == before
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert torch.equal(model(**inputs).logits, logits)


def _stands_alone(other: PreTrainedModel, model: PreTrainedModel, family: str) -> None:
    """`other` does what `model` does, by its own tensors."""
    inputs = models.batch(family)
    expected: Tensor = model(**inputs).logits
    assert torch.equal(other(**inputs).logits, expected)
    models.stir(other)
    assert not torch.equal(other(**inputs).logits, expected), "the copy does not listen to its own tensors"
    assert torch.equal(model(**inputs).logits, expected), "the copy's tensors act on the original"
    detach(other)
    assert torch.equal(other(**inputs).logits, models.tiny(family)(**inputs).logits)
    assert _state(other) == _state(models.tiny(family))
    assert torch.equal(model(**inputs).logits, expected)


def copies_stand_alone(family: str, spec: str) -> None:
    model = models.grown(family, spec)
    _stands_alone(copy.deepcopy(model), model, family)


def pickles(family: str, spec: str) -> None:
    model, file = models.grown(family, spec), io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    _stands_alone(torch.load(file, weights_only=False), model, family)


def compiles(family: str, spec: str) -> None:
    model, inputs = models.grown(family, spec).train(), models.batch(family)
    expected = models.loss(model, inputs)
    expected.backward()
    gradients = models.gradients(model)
    model.zero_grad()
    torch._dynamo.reset()
    found = models.loss(torch.compile(model, backend="aot_eager", fullgraph=True), inputs)
    found.backward()
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(models.gradients(model), gradients, atol=1e-6, rtol=1e-4)


def attends_alike_in_eager_and_sdpa(family: str, spec: str) -> None:
    model, inputs = models.grown(family, spec), models.batch(family)
    for given in (inputs, models.unmasked(inputs)):
        logits = []
        for attention in ("eager", "sdpa"):
            model.set_attn_implementation(attention)
            logits.append(models.real(model(**given).logits, given))
        torch.testing.assert_close(*logits, atol=1e-5, rtol=1e-5)
