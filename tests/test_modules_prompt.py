"""Prompts as tensors: where they start, how they are decoded, and what a fitted decoder can say."""

from __future__ import annotations

import models
import torch

from pelt_core.attachment import attach, attached
from pelt_core.modules.prompt import IntrinsicPrompt, Prompt, fit_decoder
from pelt_core.sites import sites


def test_a_random_prompt_is_small() -> None:
    (site,) = sites(models.tiny("llama"), ("embed",))
    torch.manual_seed(0)
    prompt = Prompt(site, tokens=500)
    assert prompt().shape == (500, 32) and prompt.tokens == 500
    assert abs(prompt.P.std() - 0.02) < 0.001


def test_a_prompt_from_the_vocabulary_is_as_many_different_embeddings() -> None:
    model = models.tiny("llama")
    attach(model, "prompt(tokens=30,start=vocabulary)", seed=3)
    prompt = attached(model).all_grafts()[0].delta
    rows = [int((model.model.embed_tokens.weight == row).all(1).nonzero()) for row in prompt.P]
    assert len(set(rows)) == 30 and rows != sorted(rows)
    attach(model, "prompt(tokens=30,start=vocabulary)", seed=4, name="other")
    assert not torch.equal(attached(model, "other").all_grafts()[0].delta.P, prompt.P)


def test_a_prompt_longer_than_the_vocabulary_says_it_again() -> None:
    prompt = Prompt(sites(models.tiny("llama"), ("embed",))[0], tokens=5, start="vocabulary")
    prompt.start(torch.nn.Embedding(2, 32))
    assert torch.equal(prompt.P[:2], prompt.P[2:4]) and torch.equal(prompt.P[0], prompt.P[4])
    assert not torch.equal(prompt.P[0], prompt.P[1])


def test_an_intrinsic_prompt_by_hand() -> None:
    """`W2 tanh(W1 v + b1) + b2`, and only `v` is trained."""
    (site,) = sites(models.tiny("llama"), ("embed",))
    prompt = IntrinsicPrompt(site, tokens=4, dimension=3)
    assert [name for name, _ in prompt.named_parameters()] == ["v"]
    W1, b1, W2, b2 = (prompt.get_buffer(name) for name in ("W1", "b1", "W2", "b2"))
    assert [tuple(tensor.shape) for tensor in (W1, b1, W2, b2)] == [(32, 3), (32,), (128, 32), (128,)]
    expected = W2 @ torch.tanh(W1 @ prompt.v + b1) + b2
    torch.testing.assert_close(prompt(), expected.view(4, 32))


def family_of_prompts(count: int) -> torch.Tensor:
    """Prompts of two tokens that differ in two numbers only, `(count, 2, 6)`."""
    generator = torch.Generator().manual_seed(1)
    directions, middle = torch.randn(2, 12, generator=generator), torch.randn(12, generator=generator)
    return (torch.randn(count, 2, generator=generator) @ directions + middle).view(count, 2, 6)


def test_a_fitted_decoder_reaches_prompts_that_it_was_fitted_to_and_a_narrower_one_does_not() -> None:
    prompts = family_of_prompts(8)

    def missed(dimension: int) -> float:
        """How much of the prompts' variance the best point of the decoder's space misses."""
        decoder = fit_decoder(prompts, dimension, steps=600, learning_rate=1e-2)
        v = torch.zeros(8, dimension, requires_grad=True)
        adam = torch.optim.Adam([v], 0.05)
        for _ in range(300):
            adam.zero_grad()
            z = torch.tanh(v @ decoder["W1"].T + decoder["b1"]) @ decoder["W2"].T + decoder["b2"]
            error = (z - prompts.flatten(1)).square().mean()
            error.backward()
            adam.step()
        return float(error.detach() / prompts.flatten(1).var(0, correction=0).mean())

    assert missed(2) < 0.02 < 0.1 < missed(1)


def test_fitting_is_repeatable_and_leaves_the_random_state_alone() -> None:
    prompts, state = family_of_prompts(3), torch.get_rng_state()
    one, other = (fit_decoder(prompts, 2, steps=5, seed=7) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(one[name], other[name]) and not one[name].requires_grad for name in one)
    assert not torch.equal(fit_decoder(prompts, 2, steps=5, seed=8)["W1"], one["W1"])
