"""The answer's loss is the one that transformers computes, at a fraction of the head's work."""

import pytest
import torch
from models import DECODERS, stir, tiny
from torch import nn

from pelt_core.attachment import attach
from pelt_core.data.batches import IGNORED, collate
from pelt_core.loss import LossError, bare, predicted_positions, token_losses

ROWS = [
    {"input_ids": [5, 6, 7, 8, 9], "labels": [IGNORED, IGNORED, IGNORED, 8, 9]},
    {"input_ids": [10, 11, 12, 13, 14, 15, 16, 17], "labels": [IGNORED] * 3 + [13, 14, 15, 16, 17]},
    {"input_ids": [20, 21], "labels": [IGNORED, 21]},
]


def test_a_position_predicts_the_token_after_it():
    labels = torch.tensor([[IGNORED, 4, IGNORED, 6], [1, IGNORED, IGNORED, IGNORED]])
    assert predicted_positions(labels).tolist() == [[True, False, True, False], [False] * 4]


@pytest.mark.parametrize("family", DECODERS)
@pytest.mark.parametrize("method", ["lora@q,v", "prefix(tokens=3)"])
def test_mean_is_the_loss_of_transformers(family, method):
    model = tiny(family)
    attach(model, method)
    stir(model)
    batch = collate(ROWS)
    losses = token_losses(model, **batch)
    assert losses.shape == (8,)
    torch.testing.assert_close(losses.mean(), model(**batch).loss, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("family", DECODERS)
def test_gradients_are_those_of_transformers(family):
    model = tiny(family)
    attach(model, "full")
    batch = collate(ROWS)
    model(**batch).loss.backward()
    expected = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    token_losses(model, **batch).mean().backward()
    for name, p in model.named_parameters():
        torch.testing.assert_close(p.grad, expected[name], rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize("family", DECODERS)
def test_padding_changes_no_loss(family):
    model = tiny(family)
    together = token_losses(model, **collate(ROWS))
    alone = torch.cat([token_losses(model, **collate([row])) for row in ROWS])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)


def test_head_sees_the_predicting_positions_only():
    model, seen = tiny("llama"), []
    model.lm_head.register_forward_hook(lambda head, args, out: seen.append(out.shape))
    token_losses(model, **collate(ROWS))
    assert seen == [(8, model.config.vocab_size)]


def test_head_is_its_own_again_afterwards_even_after_a_failure():
    model = tiny("llama")
    before = model(**collate(ROWS)).logits
    token_losses(model, **collate(ROWS))
    with pytest.raises(TypeError):
        token_losses(model, "not ids", collate(ROWS)["attention_mask"], collate(ROWS)["labels"])
    assert torch.equal(model(**collate(ROWS)).logits, before)


def test_a_bf16_backbone_gives_a_fp32_loss():
    model = tiny("llama").to(torch.bfloat16)
    losses = token_losses(model, **collate(ROWS))
    assert losses.dtype is torch.float32
    exact = token_losses(model.to(torch.float32), **collate(ROWS))
    assert nn.functional.l1_loss(losses, exact) < 0.05


def compiled(module):
    return torch.compile(module, backend="eager")


@pytest.mark.parametrize("wrap", [lambda m: m, nn.DataParallel, lambda m: nn.DataParallel(compiled(m))])
def test_a_model_is_found_in_its_wrappers(wrap):
    model = tiny("llama")
    assert bare(wrap(model)) is bare(compiled(wrap(model))) is model


def test_what_is_no_model_is_named():
    with pytest.raises(LossError, match="^the loss is that of a transformers model, .* and not of a Linear$"):
        bare(compiled(nn.Linear(2, 2)))


def test_the_losses_of_a_compiled_model_are_those_of_the_model():
    model = tiny("llama")
    fast = compiled(model)
    for rows in (ROWS, [{"input_ids": row["input_ids"], "labels": row["input_ids"]} for row in ROWS]):
        batch = collate(rows)
        assert torch.equal(token_losses(fast, **batch), token_losses(model, **batch))
        ids, mask = batch["input_ids"], batch["attention_mask"]
        assert torch.equal(fast(ids, mask).logits, model(ids, mask).logits)
