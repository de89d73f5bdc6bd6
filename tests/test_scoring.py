"""Scoring choices: the likelihood of prompt and choice computed as a whole, without a cache."""

import pytest
import torch
from models import DECODERS, GROWN, grown, pairs, tiny

from pelt_core.backbones import load_tokenizer
from pelt_core.data.batches import IGNORED, prompt_ids
from pelt_core.errors import PeltError
from pelt_core.loss import token_losses
from pelt_core.scoring import ChoiceError, ChoiceScore, choice_scores

PROMPTS = ["Question: 2 + 2 = ?", "Question: is it?", "Question: which one of these", "Question: is it?"]
CHOICES = [["4", "twenty-two", "5"], ["yes"], ["the first", "b"], ["yes", "no, it is not"]]


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer("tiny-llama")


@torch.no_grad()
def as_a_whole(model, tokenizer, prompt: str, choice: str) -> ChoiceScore:
    before, after = prompt_ids(tokenizer, prompt), tokenizer(choice, add_special_tokens=False)["input_ids"]
    ids = torch.tensor([before + after])
    labels = torch.tensor([[IGNORED] * len(before) + after])
    return ChoiceScore(-token_losses(model, ids, torch.ones_like(ids), labels).sum().item(), len(after))


def check(model, tokenizer, prompts, choices, **how) -> None:
    found = choice_scores(model, tokenizer, prompts, choices, **how)
    assert [len(each) for each in found] == [len(each) for each in choices]
    for prompt, texts, scores in zip(prompts, choices, found, strict=True):
        for text, score in zip(texts, scores, strict=True):
            expected = as_a_whole(model, tokenizer, prompt, text)
            assert score.tokens == expected.tokens
            assert score.log_likelihood == pytest.approx(expected.log_likelihood, rel=1e-5)


@pytest.mark.parametrize(("family", "spec"), pairs(DECODERS, GROWN))
def test_likelihoods_are_those_without_a_cache(family, spec, tokenizer):
    check(grown(family, spec), tokenizer, PROMPTS, CHOICES)


@pytest.mark.parametrize("size", [1, 3])
def test_in_the_order_of_the_prompts_whatever_the_batch(size, tokenizer):
    check(grown("llama", "prompt*lora@q,v+prefix(tokens=3)"), tokenizer, PROMPTS, CHOICES, batch_size=size)


@pytest.mark.parametrize("spec", ["prompt(tokens=3)", "prompt*lora@q,v", "prefix(tokens=3)", "ladder(reduction=2)"])
def test_a_prompt_of_one_token(spec, tokenizer):
    check(grown("llama", spec), tokenizer, ["a", "b"], [["xy", "z"], ["abc", "y"]])


def test_a_prompt_without_choices_has_no_scores(tokenizer):
    assert choice_scores(tiny("llama"), tokenizer, ["a", "b"], [[], ["x"]])[0] == []
    assert choice_scores(tiny("llama"), tokenizer, ["a"], [[]]) == [[]]
    assert choice_scores(tiny("llama"), tokenizer, [], []) == []


def test_what_has_no_likelihood_is_refused(tokenizer):
    with pytest.raises(ChoiceError, match="the choice '' behind 'Which\\?' has no token") as caught:
        choice_scores(tiny("llama"), tokenizer, ["Which?"], [["a", ""]])
    assert isinstance(caught.value, PeltError)
    with pytest.raises(ChoiceError, match="the prompt '' has no token: begin it with '<"):
        choice_scores(tiny("llama"), tokenizer, ["Which?", ""], [["a"], ["a"]])
    with pytest.raises(ChoiceError, match="2 prompts, but choices for 1"):
        choice_scores(tiny("llama"), tokenizer, ["a", "b"], [["a"]])


def test_the_prompts_are_computed_once(tokenizer):
    model, tokens = tiny("llama"), []
    model.model.register_forward_pre_hook(
        lambda m, args, kwargs: tokens.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    choice_scores(model, tokenizer, [PROMPTS[0]], [["4", "5", "6"]])
    assert tokens == [len(prompt_ids(tokenizer, PROMPTS[0])) - 1, 1, 1, 1]


def test_a_bf16_backbone_is_measured_in_fp32_and_stays_bf16(tokenizer):
    model, exact = grown("llama", "lora@q,v", dtype=torch.bfloat16), grown("llama", "lora@q,v", dtype=torch.bfloat16)
    found = choice_scores(model, tokenizer, PROMPTS, CHOICES)
    assert model.dtype is torch.bfloat16
    for p in exact.parameters():
        p.data = p.data.float()
    expected = as_a_whole(exact, tokenizer, PROMPTS[0], CHOICES[0][1])
    assert found[0][1].log_likelihood == pytest.approx(expected.log_likelihood, rel=1e-5)


def test_says_nothing_where_no_one_watches(tokenizer, capfd):
    choice_scores(tiny("llama"), tokenizer, PROMPTS, CHOICES)
    assert capfd.readouterr() == ("", "")
