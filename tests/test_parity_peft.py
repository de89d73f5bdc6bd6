"""The same numbers as the `peft` library, where both compute the same thing."""

from __future__ import annotations

from typing import Any

import models
import pytest
import torch
from peft import LoraConfig, PrefixTuningConfig, PromptTuningConfig, get_peft_model
from torch import Tensor
from transformers import PreTrainedModel

from pelt_core.attachment import attach, attached
from pelt_core.grafts import Graft

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft asks
RANK = 3


def with_lora(family: str, scaling: str) -> tuple[PreTrainedModel, Any, list[tuple[Any, list[Graft]]]]:
    """The same LoRA twice, on every linear map: ours, and peft's with our weights.

    Also gives peft's layers with our grafts there: three at a fused map, where peft has one `A` for all of q, k and v.
    """
    ours = models.tiny(family)
    attach(ours, f"lora(rank={RANK},alpha=6,scaling={scaling})@linears")
    models.stir(ours.pelt)
    inside = "" if ours.base_model is ours else f"{ours.base_model_prefix}."
    by_path: dict[str, list[Graft]] = {}
    for graft in attached(ours).all_grafts():
        by_path.setdefault(f"{inside}{graft.site.write.path}", []).append(graft)
    how = {"use_rslora": scaling == "sqrt-rank", "fan_in_fan_out": family == "gpt2"}
    config = LoraConfig(r=RANK, lora_alpha=6, target_modules=list(by_path), **how)
    theirs = get_peft_model(models.tiny(family), config).eval()
    pairs = [(theirs.base_model.model.get_submodule(path), grafts) for path, grafts in by_path.items()]
    with torch.no_grad():
        for layer, grafts in pairs:
            for graft in grafts:
                graft.delta.A.copy_(grafts[0].delta.A)
            layer.lora_A["default"].weight.copy_(grafts[0].delta.A)
            layer.lora_B["default"].weight.copy_(fuse(grafts, [graft.delta.B for graft in grafts]))
    return ours, theirs, pairs


def fuse(grafts: list[Graft], parts: list[Tensor]) -> Tensor:
    """Rows of q, k and v as the family's fused map has them: one after the other, or head by head."""
    site = grafts[0].site
    if site.write.part is not None and site.write.part.layout == "heads":
        parts = [torch.stack([part.view(site.heads, site.head_dim, -1) for part in parts], 1)]
    return torch.cat(parts).reshape(-1, parts[0].shape[-1])


@pytest.mark.parametrize("family", models.FAMILIES)
def test_lora_gives_the_same_logits_and_gradients(family: str) -> None:
    agree_on_lora(family, "rank")


@pytest.mark.parametrize("family", models.FAMILIES)
def test_rank_stabilised_lora_gives_the_same_logits_and_gradients(family: str) -> None:
    agree_on_lora(family, "sqrt-rank")


def agree_on_lora(family: str, scaling: str) -> None:
    (ours, theirs, pairs), inputs = with_lora(family, scaling), models.batch(family)
    plain = models.tiny(family)(**inputs).logits
    expected, found = theirs(**inputs).logits, ours(**inputs).logits
    assert (models.real(plain, inputs) - models.real(expected, inputs)).abs().max() > 1e-3
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    for model in (ours, theirs):
        models.loss(model, inputs).backward()
    close = {"atol": 1e-5, "rtol": 1e-4}
    for layer, grafts in pairs:
        grad_a, grad_b = (getattr(layer, name)["default"].weight.grad for name in ("lora_A", "lora_B"))
        assert grad_a.any() and grad_b.any()
        torch.testing.assert_close(sum(graft.delta.A.grad for graft in grafts), grad_a, **close)
        torch.testing.assert_close(fuse(grafts, [graft.delta.B.grad for graft in grafts]), grad_b, **close)


# peft counts the prefix as text that comes before, so our tokens are moved on by as much;
# BLOOM takes no positions, and BERT no cache.
@pytest.mark.parametrize("family", [*models.DECODERS[:6], "gptj", "gpt_neox", "gpt2", "opt"])
def test_a_prefix_gives_the_same_logits_and_gradients_at_the_same_positions(family: str) -> None:
    tokens, inputs = 4, models.batch(family)
    ours = models.grown(family, f"prefix(tokens={tokens})")
    config = PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=tokens)
    theirs = get_peft_model(models.tiny(family), config).eval()
    prefixes = [graft.delta.P for graft in attached(ours).all_grafts()]
    flat = theirs.prompt_encoder["default"].embedding.weight
    with torch.no_grad():
        flat.copy_(torch.cat([P.transpose(1, 2).flatten(2) for P in prefixes]).transpose(0, 1).flatten(1))
    mask = inputs["attention_mask"]
    positions = mask.cumsum(1) - 1 if family == "opt" else torch.arange(mask.shape[1]).expand_as(mask)
    expected = theirs(**inputs).logits
    found = ours(**inputs, position_ids=positions + tokens).logits
    torch.testing.assert_close(models.real(found, inputs), models.real(expected, inputs), atol=1e-5, rtol=1e-5)
    for logits in (expected, found):
        models.real(logits, inputs).square().mean().backward()
    grads = torch.cat([P.grad.transpose(1, 2).flatten(2) for P in prefixes]).transpose(0, 1).flatten(1)
    assert grads.any()
    torch.testing.assert_close(grads, flat.grad, atol=1e-5, rtol=1e-4)


def test_a_prefix_that_an_mlp_writes_gives_the_same_logits_and_gradients() -> None:
    tokens, inputs = 4, models.batch("llama")
    ours = models.grown("llama", f"mlp_prefix(tokens={tokens},mid=6)")
    common = attached(ours).all_grafts()[0].delta.common
    config = PrefixTuningConfig(
        task_type="CAUSAL_LM",
        num_virtual_tokens=tokens,
        prefix_projection=True,
        encoder_hidden_size=6,
        token_dim=16,  # of the two key-value heads; the width of the embedding too, where ours is the model's, 32
        num_attention_heads=2,
    )
    theirs = get_peft_model(models.tiny("llama"), config).eval()
    encoder = theirs.prompt_encoder["default"]
    encoder.embedding, encoder.transform[0] = torch.nn.Embedding(tokens, 32), torch.nn.Linear(32, 6)
    pairs = [(common.E, encoder.embedding), (common.D, encoder.transform[0]), (common.U, encoder.transform[2])]
    for own, other in pairs:
        other.load_state_dict(own.state_dict())
    expected = theirs(**inputs).logits
    found = ours(**inputs, position_ids=torch.arange(7).expand(2, -1) + tokens).logits
    torch.testing.assert_close(models.real(found, inputs), models.real(expected, inputs), atol=1e-5, rtol=1e-5)
    for logits in (expected, found):
        models.real(logits, inputs).square().mean().backward()
    for own, other in pairs:
        assert own.weight.grad.any()
        torch.testing.assert_close(own.weight.grad, other.weight.grad, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("family", models.DECODERS)
def test_a_prompt_gives_the_same_logits_and_gradients(family: str) -> None:
    tokens, inputs = 4, models.batch(family)
    ours = models.grown(family, f"prompt(tokens={tokens})")
    prompt = attached(ours).all_grafts()[0].delta.P
    config = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=tokens)
    theirs = get_peft_model(models.tiny(family), config).eval()
    weight = theirs.prompt_encoder["default"].embedding.weight
    with torch.no_grad():
        weight.copy_(prompt)
    expected, found = theirs(**inputs).logits[:, tokens:], ours(**inputs).logits
    torch.testing.assert_close(models.real(found, inputs), models.real(expected, inputs), atol=1e-5, rtol=1e-5)
    for logits in (expected, found):
        models.real(logits, inputs).square().mean().backward()
    assert weight.grad.any()
    torch.testing.assert_close(prompt.grad, weight.grad, atol=1e-5, rtol=1e-4)
