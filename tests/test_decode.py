"""Decoding: the tokens of `generate`, in the order of the prompts, at less work."""

import pytest
import torch
from models import DECODERS, GROWN, THREE, grown, pairs, stir, tiny

from pelt_core.attachment import attach
from pelt_core.backbones import load_tokenizer
from pelt_core.data.batches import left_pad
from pelt_core.decode import NoPrompt, generate, greedy, processed, stop_tokens

PROMPTS = ["2 + 2 =", "How many apples are left, if Ann eats one of three?", "a", "abc " * 9, "x"]
NEW = 80  # more than a cache layer grows by at a time


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer("tiny-llama")


def ready(family: str, method: str = "none"):
    model = tiny(family)
    attach(model, method)
    stir(model, 1.0)
    return model


@torch.no_grad()
def by_transformers(model, inputs, stops, new=NEW) -> list[list[int]]:
    """The continuations that transformers writes, cut at the token that ended them."""
    tokens = model.generate(
        **inputs, do_sample=False, max_new_tokens=new, eos_token_id=sorted(stops), pad_token_id=min(stops)
    )
    rows = tokens[:, inputs["input_ids"].shape[1] :].tolist()
    return [row[: next((i for i, token in enumerate(row) if token in stops), new)] for row in rows]


@pytest.mark.parametrize("family", DECODERS)
@pytest.mark.parametrize("method", ["none", "prefix(tokens=3)", "lora@q,v+series(bottleneck=4)@mlp"])
def test_tokens_are_those_of_generate(family, method, tokenizer):
    model, inputs = ready(family, method), left_pad(tokenizer, PROMPTS)
    free = by_transformers(model, inputs, frozenset({0}))
    stops = frozenset({0, free[0][9], free[3][30]})  # so that rows end at different times
    expected = by_transformers(model, inputs, stops)
    assert len({len(row) for row in expected}) > 1
    assert greedy(model, **inputs, max_new_tokens=NEW, stops=stops) == expected


@pytest.mark.parametrize(("family", "spec"), pairs(DECODERS, GROWN))
def test_tokens_are_those_of_generate_with_every_method(family, spec, tokenizer):
    prompts = ["Question: 2 + 2 =", "Question: How many are left?", "Question: 7", "Question: 7"]
    model, inputs = grown(family, spec), left_pad(tokenizer, prompts)
    expected = by_transformers(model, inputs, frozenset({300}), new=6)
    assert greedy(model, **inputs, max_new_tokens=6, stops=frozenset({300})) == expected


def test_a_gate_that_reads_ahead_reads_each_prompt_whole(tokenizer):
    prompts = ["Question: 2 + 2 =", "Question: How many are left?", "Question: 7"]
    model, inputs = grown("llama", f"sequence(future=read)*{THREE}"), left_pad(tokenizer, prompts)
    expected = by_transformers(model, inputs, frozenset({300}), new=6)
    assert greedy(model, **inputs, max_new_tokens=6, stops=frozenset({300})) == expected


def test_rows_that_have_ended_leave_the_batch(tokenizer):
    model, inputs, sizes = ready("llama", "lora@q,v"), left_pad(tokenizer, PROMPTS), []
    free = by_transformers(model, inputs, frozenset({0}))
    stops = frozenset({0, free[0][9], free[3][30]})
    lengths = [len(row) for row in by_transformers(model, inputs, stops)]
    model.register_forward_pre_hook(lambda m, args, kwargs: sizes.append(len(kwargs["input_ids"])), with_kwargs=True)
    greedy(model, **inputs, max_new_tokens=NEW, stops=stops)
    assert sizes == [sum(length >= step for length in lengths) for step in range(min(max(lengths) + 1, NEW))]


def test_ends_when_every_row_has(tokenizer):
    model, inputs = ready("llama"), left_pad(tokenizer, PROMPTS[:1])
    (free,) = by_transformers(model, inputs, frozenset({0}))
    calls = []
    model.register_forward_hook(lambda *args: calls.append(1))
    assert greedy(model, **inputs, max_new_tokens=NEW, stops=frozenset({free[0]})) == [[]]
    assert len(calls) == 1


def test_texts_come_in_the_order_of_the_prompts_whatever_the_batch(tokenizer):
    model = ready("llama", "lora@q,v")
    alone = [generate(model, tokenizer, [prompt], max_new_tokens=12)[0] for prompt in PROMPTS]
    assert len(set(alone)) > 3
    for size in (2, 64):
        assert generate(model, tokenizer, PROMPTS, max_new_tokens=12, batch_size=size) == alone
    assert generate(model, tokenizer, [], max_new_tokens=12) == []


def test_texts_are_those_of_generate_without_special_tokens(tokenizer):
    model, inputs = ready("llama"), left_pad(tokenizer, PROMPTS)
    expected = by_transformers(model, inputs, stop_tokens(model, tokenizer))
    texts = generate(model, tokenizer, PROMPTS, max_new_tokens=NEW)
    assert texts == tokenizer.batch_decode(expected, skip_special_tokens=True)
    assert not any(special in text for text in texts for special in tokenizer.all_special_tokens)


def test_stops_at_the_ends_that_tokenizer_and_model_name(tokenizer):
    model = tiny("llama")
    model.generation_config.eos_token_id = [7, 9]
    assert stop_tokens(model, tokenizer) == {7, 9, tokenizer.eos_token_id, tokenizer.pad_token_id}
    model.generation_config.eos_token_id = None
    assert stop_tokens(model, tokenizer) == {tokenizer.eos_token_id, tokenizer.pad_token_id}


def test_dropout_is_off_and_no_gradient_is_kept(tokenizer):
    model = ready("llama", "lora(dropout=0.9)@q,v").train()
    first, second = (generate(model, tokenizer, PROMPTS, max_new_tokens=12) for _ in range(2))
    assert first == second
    assert not model.training


def test_says_nothing_where_no_one_watches(tokenizer, capfd):
    generate(tiny("llama"), tokenizer, PROMPTS, max_new_tokens=2)
    assert capfd.readouterr() == ("", "")


def test_decodes_in_bf16(tokenizer):
    model = ready("llama").to(torch.bfloat16)
    attached = tiny("llama").to(torch.bfloat16)
    attach(attached, "prefix(tokens=2)+lora@q,v")
    for each in (model, attached):
        assert len(generate(each, tokenizer, PROMPTS, max_new_tokens=3)) == len(PROMPTS)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("repetition_penalty", 1.3),
        ("no_repeat_ngram_size", 1),
        ("min_new_tokens", 5),
        ("suppress_tokens", list(range(4, 200))),
        ("forced_bos_token_id", 7),
    ],
)
def test_what_generation_config_asks_for_is_left_out_and_told(setting, value, tokenizer, caplog):
    model, inputs = ready("llama"), left_pad(tokenizer, PROMPTS[:2])
    plain = generate(model, tokenizer, PROMPTS[:2], max_new_tokens=12)
    assert processed(model) == [] and not caplog.messages
    setattr(model.generation_config, setting, value)
    assert generate(model, tokenizer, PROMPTS[:2], max_new_tokens=12) == plain
    said = f"without what generation_config asks for: {setting}={value}"
    assert [message.endswith(said) for message in caplog.messages] == [True]
    if setting in ("repetition_penalty", "suppress_tokens"):
        stops = frozenset({300})
        assert by_transformers(model, inputs, stops, 12) != greedy(model, **inputs, max_new_tokens=12, stops=stops)


@pytest.mark.parametrize("prompts", [[""], ["a", ""]])
def test_a_prompt_without_a_token_is_refused(prompts, tokenizer):
    with pytest.raises(NoPrompt, match="^a prompt has no token to go on from: give each one at least, such as"):
        generate(tiny("llama"), tokenizer, prompts, max_new_tokens=3)
