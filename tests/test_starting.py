from __future__ import annotations

import models
import pytest
import torch

from pelt_core.attachment import attach, attached
from pelt_core.errors import PeltError
from pelt_core.modules.prompt import fit_decoder
from pelt_core.starting import StartError, start_from, use_decoder


@pytest.mark.parametrize(("given", "taken"), [([5, 9], [5, 9, 5]), ([5, 9, 7, 8], [5, 9, 7])])
def test_a_prompt_starts_from_a_text_repeated_or_cut(given: list[int], taken: list[int]) -> None:
    model = models.tiny("bert")
    attach(model, "prompt(tokens=3)")
    start_from(model, given)
    found = attached(model).all_grafts()[0].delta.P
    assert torch.equal(found, model.bert.embeddings.word_embeddings.weight[taken]) and found.requires_grad


# A prompt that is a text does what the text does.
@pytest.mark.parametrize("family", ["llama", "gpt2", "bloom", "opt", "gemma"])
def test_a_prompt_that_starts_from_a_text_does_what_the_text_does(family: str) -> None:
    model, ids = models.tiny(family), models.batch(family)["input_ids"][1:]
    expected = model(input_ids=torch.cat([ids[:, :3], ids], 1)).logits[:, 3:]
    attach(model, "prompt(tokens=3)")
    start_from(model, ids[0, :3])
    torch.testing.assert_close(model(input_ids=ids).logits, expected, atol=1e-5, rtol=1e-5)


def test_starts_that_do_not_fit_are_refused() -> None:
    model = models.tiny("llama")
    attach(model, "prompt(tokens=3)")
    with pytest.raises(StartError, match="no token to start from"):
        start_from(model, [])
    with pytest.raises(StartError, match="has no 'intrinsic_prompt'"):
        use_decoder(model, {})
    attach(model, "intrinsic_prompt(tokens=3,dimension=2)", name="other")
    with pytest.raises(StartError, match="has no 'prompt'") as caught:
        start_from(model, [1], name="other")
    assert isinstance(caught.value, PeltError)
    with pytest.raises(StartError, match=r"'W2': \(128, 32\).*needs.*'W2': \(96, 32\)"):
        use_decoder(model, fit_decoder(torch.randn(2, 4, 32), 2, steps=1), name="other")


def test_both_stages_of_intrinsic_prompt_tuning() -> None:
    """The fitted decoder takes the place of the random one, and stays as it is while `v` is trained."""
    model, inputs = models.tiny("llama"), models.batch("llama")
    attach(model, "intrinsic_prompt(tokens=3,dimension=2)")
    prompt = attached(model).all_grafts()[0].delta
    before, decoder = prompt().detach(), fit_decoder(torch.randn(4, 3, 32), 2, steps=5)
    use_decoder(model, decoder)
    assert not torch.allclose(prompt(), before)
    start = prompt.v.detach().clone()
    models.loss(model, inputs).backward()
    torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 1.0).step()
    assert not torch.equal(prompt.v, start)
    assert all(torch.equal(prompt.get_buffer(name), value) for name, value in decoder.items())
