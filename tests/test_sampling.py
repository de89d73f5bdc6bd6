import pytest
import torch

from pelt_core.backbones import load_model, load_tokenizer
from pelt_core.data.batches import left_pad
from pelt_core.decode import generate
from pelt_core.sampling import sample

PROMPTS = ["one two", "three and four", "five"]


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    return load_model("tiny-llama"), load_tokenizer("tiny-llama")


def drawn(tiny, prompts, seeds, temperature=1.0, tokens=6):
    return sample(*tiny, prompts, seeds, temperature=temperature, max_new_tokens=tokens)


def test_a_prompts_text_follows_its_seed_alone(tiny):
    together = drawn(tiny, PROMPTS, ["a", "b", "c"])
    assert together == drawn(tiny, PROMPTS, ["a", "b", "c"])
    assert together[1] == drawn(tiny, PROMPTS[1:2], ["b"])[0]
    assert together != drawn(tiny, PROMPTS, ["d", "e", "f"])


def test_without_heat_the_most_likely_token_is_drawn(tiny):
    greedy = generate(*tiny, PROMPTS, max_new_tokens=6)
    assert drawn(tiny, PROMPTS, ["a", "b", "c"], temperature=1e-6) == greedy


def test_tokens_are_drawn_as_often_as_they_are_likely(tiny):
    model, tokenizer = tiny
    with torch.inference_mode():
        likely = model(**left_pad(tokenizer, PROMPTS[:1])).logits[0, -1].div(2).softmax(-1)
    texts = [str(tokenizer.decode([token])) for token in range(len(likely))]
    found = drawn(tiny, PROMPTS[:1] * 2000, [str(n) for n in range(2000)], temperature=2.0, tokens=1)
    top = int(likely.argmax())
    same = sum(p.item() for text, p in zip(texts, likely, strict=True) if text == texts[top])
    assert found.count(texts[top]) / 2000 == pytest.approx(same, abs=4 * (same * (1 - same) / 2000) ** 0.5)
