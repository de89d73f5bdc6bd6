from __future__ import annotations

import copy

import models
import pytest
import torch
from transformers import AutoModelForTokenClassification

from pelt_core.attachment import attach, attached
from pelt_core.loss import token_losses
from pelt_core.prompt_end import prompt_ends, prompt_lengths

SPEC = f"prompt*{models.THREE}"


def test_prompt_lengths() -> None:
    labels = torch.tensor([[-100, -100, 5, 6], [-100, -100, -100, -100], [3, 4, -100, -100], [-100, 4, -100, 5]])
    assert prompt_lengths(labels).tolist() == [2, 4, 0, 1]


def test_prompt_ends_outranks_labels_and_ends_with_its_block() -> None:
    model, batch = models.grown("llama", SPEC), models.batch("llama")
    prompt = attached(model).prompt
    labels = batch["input_ids"].clone()
    labels[:, :4] = -100
    seen = []
    model.model.layers[0].register_forward_pre_hook(lambda *_: seen.append(prompt.end))
    model(**batch, labels=labels)
    with prompt_ends(torch.nn.DataParallel(model), 3):
        model(**batch, labels=labels)
    model(**batch)
    assert seen[0].tolist() == [4, 4] and seen[1:] == [3, None]


def test_a_base_that_is_called_alone_knows_no_labels() -> None:
    model, batch = models.grown("llama", SPEC), models.batch("llama")
    expected = model.model(**batch).last_hidden_state
    model(**batch, labels=batch["input_ids"].masked_fill(torch.arange(7) < 4, -100))
    assert torch.equal(model.model(**batch).last_hidden_state, expected)


@pytest.mark.parametrize("part", ["model", "base"])
def test_a_pass_after_an_interrupted_one_has_its_own_prompts(part: str) -> None:
    model, batch = models.grown("llama", SPEC), models.batch("llama")
    called = model if part == "model" else model.model
    expected = called(**batch)[0]

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    handle = model.model.layers[0].register_forward_pre_hook(interrupt)
    with pytest.raises(KeyboardInterrupt), prompt_ends(model, 2):
        called(**batch)
    handle.remove()
    assert torch.equal(called(**batch)[0], expected)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_labels_of_another_task_are_no_answer(family: str) -> None:
    config, batch = models.tiny(family).config, models.batch(family)
    model = AutoModelForTokenClassification.from_config(config).eval()
    attach(model, SPEC)
    models.stir(model)
    labels = torch.ones(2, 7, dtype=torch.long).masked_fill(torch.arange(7) < 4, -100)
    assert torch.equal(model(**batch, labels=labels).logits, model(**batch).logits)


def test_the_answer_loss_knows_where_the_prompt_ends() -> None:
    model, batch = models.grown("llama", SPEC), models.batch("llama")
    labels = batch["input_ids"].masked_fill(torch.arange(7) < 4, -100)
    losses = token_losses(model, **batch, labels=labels)
    assert attached(model).prompt.end.tolist() == [4, 4]  # type: ignore[union-attr]
    torch.testing.assert_close(losses.mean(), model(**batch, labels=labels).loss)


def test_the_decoder_of_an_encoder_decoder_has_its_start_token_for_a_prompt() -> None:
    model, batch = models.grown("t5", SPEC), models.batch("t5")
    labels = batch.pop("decoder_input_ids")
    model(**batch, labels=labels)
    assert attached(model).prompt.end.tolist() == [1, 1]  # type: ignore[union-attr]


@pytest.mark.parametrize("use_reentrant", [True, False])
def test_checkpointed_layers_know_where_the_prompt_ends(use_reentrant: bool) -> None:
    plain, batch = models.grown("llama", SPEC).train(), models.batch("llama")
    kept = copy.deepcopy(plain)
    kept.activation_checkpointing_enable({"use_reentrant": use_reentrant})
    labels = batch["input_ids"].masked_fill(torch.arange(7) < 4, -100)
    for model in (plain, kept):
        token_losses(model, **batch, labels=labels).mean().backward()
    for name, gradient in models.gradients(plain).items():
        torch.testing.assert_close(models.gradients(kept)[name], gradient, atol=1e-6, rtol=1e-5, msg=name)


def test_virtual_tokens_in_front_of_the_text_move_its_end() -> None:
    model, batch = models.grown("llama", "prompt(tokens=3)+prompt*lora@q,v"), models.batch("llama")
    how = {"do_sample": False, "min_new_tokens": 4, "max_new_tokens": 4, "return_dict_in_generate": True}
    written = model.generate(**batch, **how, output_logits=True)
    mask = torch.cat([batch["attention_mask"], torch.ones(2, 4, dtype=torch.long)], 1)
    labels = written.sequences.masked_fill(torch.arange(11) < 7, -100)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    trained = model(input_ids=written.sequences, attention_mask=mask, position_ids=positions, labels=labels)
    torch.testing.assert_close(trained.logits[:, 6:-1], torch.stack(written.logits, 1), atol=1e-5, rtol=1e-5)
