"""Without padding, what is computed for a real token, and every gradient, is what it is with padding."""

from __future__ import annotations

from typing import Any

import contracts
import models
import pytest
import torch
from packed import batch, computed, unpads
from torch import nn
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    DynamicCache,
)

from pelt_core.attachment import activate, attach, attached
from pelt_core.errors import PeltError
from pelt_core.packing import Packing, PaddingError
from pelt_core.prompt_end import prompt_ends
from pelt_core.sites import layers
from pelt_core.unpadding import UnpaddingError, _shared, can_unpad, unpadded

FAMILIES = tuple(family for family in models.FAMILIES if family not in ("gptj", "bloom", "t5"))
PREFIXES = "prefix(tokens=2)+mlp_prefix(tokens=3,mid=6)"
CAUSAL_GATES = (
    *("scalar", "scalar(per=submodule)", "token", "prompt"),
    *(f"softmax(pool={pool}{hard})" for pool in ("prompt", "token") for hard in ("", ",hard=true")),
)


@pytest.mark.parametrize(("family", "spec"), models.pairs(FAMILIES, models.SPECS))
def test_every_method_on_every_family(family: str, spec: str) -> None:
    unpads(models.grown(family, spec), batch(family))


@pytest.mark.parametrize("spec", [models.LADDER, models.SUM, f"prompt*{models.THREE}", "prompt(tokens=2)+ia3"])
def test_a_stack_whose_embedding_is_narrower_than_its_layers(spec: str) -> None:
    unpads(models.grown("opt-post", spec), batch("opt"))


@pytest.mark.parametrize("family", ["bert", "llama", "gpt2"])
@pytest.mark.parametrize(
    "spec",
    [
        PREFIXES,
        f"token*[{PREFIXES}]",
        "token*prefix(tokens=2)+mlp_prefix(tokens=3,mid=6)",
        "prefix(tokens=2)+token*mlp_prefix(tokens=3,mid=6)",
        "prompt(tokens=2)+prefix(tokens=3)",
        "prompt(tokens=2)+token*prefix(tokens=3)",
        "prompt(tokens=2)+intrinsic_prompt(tokens=3,dimension=3)+prompt*lora@q,v",
    ],
)
def test_keys_in_front_of_keys(family: str, spec: str) -> None:
    unpads(models.grown(family, spec), batch(family))


@pytest.mark.parametrize(
    ("family", "gate"),
    [
        *(("llama", gate) for gate in CAUSAL_GATES),
        *(("bert", gate) for gate in (*CAUSAL_GATES, "sequence", "softmax", "softmax(hard=true)")),
    ],
)
def test_gates_of_every_kind(family: str, gate: str) -> None:
    model = models.grown(family, f"{gate}*{models.THREE}")
    unpads(model, batch(family))
    for graft in attached(model).all_grafts():
        graft.train()  # where a hard gate is not rounded
    unpads(model, batch(family))


@pytest.mark.parametrize("spec", [models.SUM, models.LADDER, f"prompt*{models.THREE}", "prompt(tokens=2)+lora@q,v"])
@pytest.mark.parametrize("family", ["bert", "llama"])
def test_under_gradient_checkpointing(family: str, spec: str) -> None:
    model, given = models.grown(family, spec).train(), batch(family)
    plain = computed(model, given)
    model.activation_checkpointing_enable({"use_reentrant": False})
    calls: list[nn.Module] = []
    block = layers(model)[0]
    attention = model.base_model.get_submodule(f"{block.path}.{block.stack.attention}")
    attention.register_forward_hook(lambda attention, args, output: calls.append(attention))
    unpads(model, given)
    passes = 3 * (2 if block.stack.causal else 1)  # of rows that begin alike, too
    assert len(calls) == 2 * passes, "the layers were not computed anew"
    torch.testing.assert_close(computed(model, given), plain, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", ["bert", "llama", "gpt2"])
@pytest.mark.parametrize("spec", [models.SUM, models.LORA, f"prompt*{models.THREE}", models.LADDER])
def test_over_bf16(family: str, spec: str) -> None:
    unpads(models.grown(family, spec, dtype=torch.bfloat16), batch(family), error=0.03)


@pytest.mark.parametrize("spec", [models.LORA, PREFIXES, models.LADDER, f"token*{models.THREE}", "prompt(tokens=2)"])
@pytest.mark.parametrize("family", ["mistral", "gemma3_text"])
def test_behind_a_window_shorter_than_the_rows(spec: str, family: str) -> None:
    found = {}
    for window in (3, 100):
        config = models.tiny(family).config
        config.sliding_window = window
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config).eval()
        attach(model, spec)
        models.stir(model)
        unpads(model, batch(family))
        found[window] = computed(model, batch(family))[0]
    assert not torch.allclose(found[3], found[100]), "the window hides nothing"


@pytest.mark.parametrize("family", [family for family in FAMILIES if family in models.DECODERS])
@pytest.mark.parametrize("spec", [models.SUM, "prompt(tokens=2)+lora@q,v"])
def test_decoders_that_classify(family: str, spec: str) -> None:
    config = models.tiny(family).config
    config.pad_token_id, config.num_labels = 1, 3
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(config).eval()
    attach(model, spec)
    models.stir(model)
    given = batch(family)
    assert computed(model, given)[0].shape == (3, 3)
    unpads(model, given)


def test_two_attachments_at_once() -> None:
    model = models.grown("llama", models.SUM)
    attach(model, f"prompt(tokens=2)+token*{models.THREE}", name="other")
    models.stir(model)
    activate(model, "default", "other")
    unpads(model, batch("llama"))


def test_without_a_mask_all_tokens_are_real() -> None:
    model, given = models.grown("bert", models.SUM), batch("bert", (5, 5, 5))
    expected = computed(model, given)
    with unpadded(model):
        found = computed(model, models.unmasked(given))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_text_may_come_as_embeddings(family: str) -> None:
    model, given = models.grown(family, models.LORA), batch(family)
    given["inputs_embeds"] = model.get_input_embeddings()(given.pop("input_ids")).detach()
    unpads(model, given)


@pytest.mark.parametrize("family", ["bert", "llama"])
def test_the_mask_may_come_without_its_name(family: str) -> None:
    model, given = models.grown(family, models.LORA), batch(family)
    ids, mask = given["input_ids"], given["attention_mask"]
    expected = model(ids, mask).logits
    with unpadded(model):
        found = model(ids, mask).logits
    torch.testing.assert_close(models.real(found, given), models.real(expected, given), atol=1e-5, rtol=1e-5)


def test_positions_may_be_given() -> None:
    model, given = models.grown("llama", models.SUM), batch("llama")
    given["position_ids"] = torch.arange(9) * torch.tensor([[1], [2], [3]])
    unpads(model, given)


def test_states_of_the_padding_are_zero_in_front_of_the_last_normalisation() -> None:
    torch.manual_seed(0)
    model, given = AutoModel.from_config(models.tiny("bert").config).eval(), batch("bert")
    expected = model(**given).last_hidden_state
    with unpadded(model):
        found = model(**given).last_hidden_state
    real = given["attention_mask"].bool()
    torch.testing.assert_close(found[real], expected[real], atol=1e-5, rtol=1e-5)
    assert not found[~real].any() and expected[~real].any()


def test_layers_see_the_real_tokens_alone() -> None:
    model, shapes = models.grown("llama", models.SUM), []
    for layer in model.model.layers:
        layer.mlp.register_forward_hook(lambda mlp, args, y: shapes.append(tuple(y.shape)))
    with unpadded(model):
        model(**batch("llama"))
    assert shapes == [(1, 19, 32)] * 2


@pytest.mark.parametrize(("family", "once"), [("llama", 5), ("bert", 0)])
def test_what_the_rows_of_a_causal_model_begin_with_is_computed_once(family: str, once: int) -> None:
    model, given, shapes = models.grown(family, "lora@q,v"), batch(family, (6, 9, 7)), []
    given["input_ids"][:, :5] = given["input_ids"][0, :5]
    given.pop("token_type_ids", None)
    layer = model.base_model.get_submodule(layers(model)[0].path)
    layer.register_forward_hook(lambda layer, args, y: shapes.append(args[0].shape[1]))
    with unpadded(model):
        model(**given)
    assert shapes == [22 - 2 * once]


def test_a_gate_of_the_prompt_shares_no_answer() -> None:
    model, given = models.grown("llama", f"prompt*{models.THREE}"), batch("llama", (6, 9, 7))
    given["input_ids"][:, :5] = given["input_ids"][0, :5]
    shared_tokens = [_shared(model, given, Packing.of(given["attention_mask"]))]
    with prompt_ends(model, torch.tensor([4, 2, 3])):
        shared_tokens.append(_shared(model, given, Packing.of(given["attention_mask"])))
    given["labels"] = torch.tensor([[-100] * 3 + [5] * 6] * 3)
    shared_tokens.append(_shared(model, given, Packing.of(given["attention_mask"])))
    assert shared_tokens == [5, 2, 3]


def test_a_gate_that_reads_ahead_shares_nothing() -> None:
    model, given = models.grown("llama", f"sequence(future=read)*{models.THREE}"), batch("llama", (6, 9, 7))
    given["input_ids"][:, :5] = given["input_ids"][0, :5]
    expected, _ = computed(model, given)
    with unpadded(model):
        found, _ = computed(model, given)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", ["bert", "llama"])
def test_afterwards_the_model_is_as_before(family: str, attention: str) -> None:
    model, given = models.grown(family, models.SUM, attention), batch(family)
    model.register_forward_hook(lambda *_: None)
    before, logits = contracts._state(model), model(**given).logits
    with unpadded(model):
        assert model.config._attn_implementation == "packed"
        model(**given)
    with pytest.raises(KeyboardInterrupt), unpadded(model):
        raise KeyboardInterrupt
    with pytest.raises(PaddingError), unpadded(model):
        model(**models.batch("llama"))
    assert model.config._attn_implementation == attention
    assert contracts._state(model) == before
    assert torch.equal(model(**given).logits, logits)


def test_padding_on_the_left_is_refused() -> None:
    model = models.grown("llama", models.LORA)
    with unpadded(model):
        with pytest.raises(PaddingError, match="padded on the right.*tokenizer.padding_side = 'right'"):
            model(**models.batch("llama"))
        model(**batch("llama"))


@pytest.mark.parametrize("family", ["gptj", "bloom", "t5"])
def test_families_that_need_their_padding(family: str) -> None:
    model = models.tiny(family)
    before = contracts._state(model)
    assert not can_unpad(model)
    with pytest.raises(UnpaddingError, match=f"{family} needs its padding.*`can_unpad`") as caught, unpadded(model):
        pass
    assert isinstance(caught.value, PeltError)
    assert contracts._state(model) == before


def test_layers_that_may_be_dropped_need_their_padding() -> None:
    model = models.tiny("opt")
    model.config.layerdrop = 0.1
    assert not can_unpad(model)


def test_a_family_that_is_not_known_needs_its_padding() -> None:
    model = models.tiny("llama")
    model.config.model_type = "llama5"
    assert not can_unpad(model)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"use_cache": True}, "no key-value cache without padding: generate outside"),
        ({"past_key_values": DynamicCache()}, "no key-value cache without padding: generate outside"),
        ({"output_attentions": True}, "output_attentions is for the padded batch: .* outside of `unpadded`"),
        ({"output_hidden_states": True}, "output_hidden_states is for the padded batch"),
    ],
)
def test_what_would_be_wrong_is_refused(asked: dict[str, Any], message: str) -> None:
    model, given = models.grown("llama", models.SUM), batch("llama")
    with unpadded(model), pytest.raises(UnpaddingError, match=message):
        model(**given, **asked)


def test_what_the_configuration_asks_for_is_refused_or_left() -> None:
    model, given = models.grown("llama", models.SUM), batch("llama")
    assert model(**given).past_key_values is not None
    with unpadded(model):
        assert model(**given).past_key_values is None
        model.config.output_hidden_states = True
        with pytest.raises(UnpaddingError, match="output_hidden_states"):
            model(**given)
        model(**given, output_hidden_states=False)
