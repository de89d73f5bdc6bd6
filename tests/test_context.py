from __future__ import annotations

import copy
from typing import Any

import contracts
import models
import pytest
import torch
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache, PreTrainedModel

from pelt_core.attachment import attach, attached
from pelt_core.context import Context, Held
from pelt_core.decode import greedy
from pelt_core.prompt_end import PromptEnd, prompt_ends
from pelt_core.sites import layers
from pelt_core.unpadding import unpadded

SPEC = f"prompt*{models.THREE}"
ALL = f"softmax(pool=prompt)*{models.THREE}"


@torch.no_grad()
def step(model: PreTrainedModel, ids: Tensor, mask: Tensor, cache: Any) -> Tensor:
    """The logits of `ids`, behind what is in the cache, in a batch padded on the left."""
    positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
    logits: Tensor = model(
        input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True
    ).logits
    return logits


def prefilled(rows: slice | list[int] = slice(None)) -> tuple[PreTrainedModel, Tensor, DynamicCache]:
    """A model, the mask of one more token, and the cache of a prompt."""
    model, batch = models.grown("llama", SPEC), models.batch("llama")
    ids, mask, cache = batch["input_ids"][rows], batch["attention_mask"][rows], DynamicCache()
    step(model, ids, mask, cache)
    return model, torch.cat([mask, torch.ones(len(mask), 1, dtype=torch.long)], 1), cache


def token(rows: int) -> Tensor:
    return torch.full((rows, 1), 7)


@pytest.mark.parametrize("family", ["llama", "opt", "bloom", "t5"])
@pytest.mark.parametrize("spec", [SPEC, ALL])
def test_beams_carry_what_is_held(family: str, spec: str) -> None:
    contracts.generates_alike_with_and_without_cache(family, spec, num_beams=3)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_static_cache_carries_what_is_held(family: str) -> None:
    static = {"cache_implementation": "static", "disable_compile": True}
    contracts.generates_alike_with_and_without_cache(family, SPEC, **static)


def test_a_prompt_in_pieces() -> None:
    model, batch = models.grown("llama", SPEC), models.batch("llama")
    ids, mask = batch["input_ids"], batch["attention_mask"]
    expected = step(model, ids, mask, DynamicCache())
    cache = DynamicCache()
    with prompt_ends(model, 7):
        pieces = [step(model, ids[:, a:b], mask[:, :b], cache) for a, b in ((0, 3), (3, 4), (4, 7))]
    torch.testing.assert_close(torch.cat(pieces, 1)[mask.bool()], expected[mask.bool()], atol=1e-5, rtol=1e-5)
    alone = DynamicCache()
    untold = [step(model, ids[:, a:b], mask[:, :b], alone) for a, b in ((0, 3), (3, 7))]
    assert not torch.allclose(torch.cat(untold, 1)[mask.bool()], expected[mask.bool()], atol=1e-5)


def test_rows_that_are_dropped_or_repeated() -> None:
    model, mask, cache = prefilled()
    expected = step(model, token(2), mask, copy.deepcopy(cache))
    cache.batch_select_indices(torch.tensor([1]))
    torch.testing.assert_close(step(model, token(1), mask[1:], copy.deepcopy(cache)), expected[1:])
    cache.batch_repeat_interleave(2)
    torch.testing.assert_close(step(model, token(2), mask[[1, 1]], cache), expected[[1, 1]])


def test_rows_that_change_places() -> None:
    model, mask, cache = prefilled()
    expected = step(model, token(2), mask, copy.deepcopy(cache))
    cache.reorder_cache(torch.tensor([1, 0]))
    torch.testing.assert_close(step(model, token(2), mask[[1, 0]], cache), expected[[1, 0]])


def test_tokens_that_are_taken_back() -> None:
    model, mask, cache = prefilled()
    expected = step(model, token(2), mask, copy.deepcopy(cache))
    longer = torch.cat([mask, torch.ones(2, 2, dtype=torch.long)], 1)
    step(model, torch.full((2, 3), 9), longer, cache)
    cache.crop(-3)
    torch.testing.assert_close(step(model, token(2), mask, cache), expected)


def test_a_prompt_that_is_taken_back_and_given_again() -> None:
    model, batch = models.grown("llama", SPEC), models.batch("llama")
    ids, mask, cache = batch["input_ids"], batch["attention_mask"], DynamicCache()
    expected = step(model, ids, mask, cache)[:, 4:]
    cache.crop(-3)
    again = step(model, ids[:, 4:], mask, cache)
    torch.testing.assert_close(again, expected)


def test_a_cache_that_is_used_again() -> None:
    model, mask, cache = prefilled([1])
    expected = step(model, token(1), mask, copy.deepcopy(cache))
    other = torch.full((1, 7), 11)
    cache.reset()
    step(model, other, torch.ones_like(other), cache)
    cache.reset()
    step(model, models.batch("llama")["input_ids"][1:], mask[:, :7], cache)
    torch.testing.assert_close(step(model, token(1), mask, cache), expected)


def test_it_is_one_more_layer_of_the_cache_behind_the_others() -> None:
    _, _, cache = prefilled()
    kinds = [type(layer).__name__ for layer in cache.layers]
    assert kinds == ["DynamicLayer", "DynamicLayer", "Held"]
    assert cache.get_seq_length() == 7
    assert len(cache.layers[-1].sums) == 2 * 2, "one for the gates that read the same, and one for the MLP's"  # type: ignore[union-attr]


def test_a_step_reads_what_is_held_and_computes_no_gate() -> None:
    model, mask, cache = prefilled()
    for graft in attached(model).grafts.values():
        torch.nn.init.constant_(graft.gate.w, torch.nan)
    assert step(model, token(2), mask, cache).isfinite().all()


def test_an_encoder_decoder_holds_it_beside_its_own_keys() -> None:
    model, batch = models.grown("t5", SPEC), models.batch("t5")
    cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
    model(**batch, past_key_values=cache, use_cache=True)
    assert isinstance(cache.self_attention_cache.layers[-1], Held)
    assert not any(isinstance(layer, Held) for layer in cache.cross_attention_cache.layers)


@pytest.mark.parametrize("spec", [SPEC, ALL])
def test_greedy_decoding_drops_rows_that_have_ended(spec: str) -> None:
    model, ids = models.tiny("llama"), torch.randint(4, 260, (8, 7), generator=torch.Generator().manual_seed(4))
    attach(model, spec)
    models.stir(model, 1.0)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    free = model.generate(**batch, do_sample=False, max_new_tokens=12, eos_token_id=0)[:, 7:].tolist()
    stop = next(t for t in free[0] if sum(t in row for row in free) < len(free))
    expected = [row[: row.index(stop)] if stop in row else row for row in free]
    assert greedy(model, **batch, max_new_tokens=12, stops=frozenset({stop})) == expected


def test_a_window_hides_no_part_of_the_prompt() -> None:
    model, batch = models.grown("mistral", SPEC), models.batch("mistral")
    model.config.sliding_window = 3
    gate = attached(model).grafts["0_q_lora"].gate
    model(**batch, use_cache=False)
    values: list[Tensor] = []
    gate.register_forward_hook(lambda gate, args, g: values.append((args[0], g)))
    model(**batch, use_cache=False)
    h, g = values[0]
    s = torch.sigmoid(h @ gate.w.T + gate.b)[1]
    torch.testing.assert_close(g[1, -1], s.mean(0))


def test_nothing_is_kept_between_batches() -> None:
    model = models.grown("llama", ALL)
    model(**models.batch("llama"))
    for context in attached(model).contexts.values():
        assert context.hidden is context._mask is context._cache is None and not context._found


def test_packed_rows_have_no_padding_to_count() -> None:
    """Each has the gate that it has alone."""
    model, batch = models.grown("bert", f"sequence(padding=counted)*{models.THREE}"), models.batch("bert")
    alone = torch.cat([model(input_ids=batch["input_ids"][row : row + 1, :n]).logits for row, n in ((0, 5), (1, 7))])
    assert not torch.allclose(model(**batch).logits, alone, atol=1e-5)
    with unpadded(model):
        torch.testing.assert_close(model(**batch).logits, alone, atol=1e-5, rtol=1e-5)


def test_the_mean_over_many_tokens_is_counted_in_fp32() -> None:
    context = Context(layers(models.tiny("bert"), [0])[0], PromptEnd(answers_apart=False))
    context.hidden, context._mask = torch.zeros(1, 300, 4), (torch.arange(300) < 257).unsqueeze(0).long()
    mean = context.mean(torch.ones(1, 300, 1).bfloat16())
    assert mean.dtype is torch.bfloat16 and mean.item() == 1
    third = torch.full((1, 300, 1), 1 / 3).bfloat16()
    assert torch.equal(context.mean(third), third[:, :1])
