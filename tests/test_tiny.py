import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoConfig, AutoModelForCausalLM

from pelt_core import tiny
from pelt_core.catalogue import BACKBONES

LLAMA = BACKBONES["tiny-llama"].config


def test_weights_are_the_same_each_time_and_leave_the_generator_alone() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    one, two = (tiny.tiny_model(AutoConfig.for_model("llama", **LLAMA), AutoModelForCausalLM) for _ in range(2))
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_comes_back(text: str) -> None:
    if any(special in text for special in tiny.SPECIALS):
        return
    tokenizer = tiny.tiny_tokenizer("left", framed=False)
    ids = tokenizer(text)["input_ids"]
    assert len(ids) == len(text.encode())
    assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text


@pytest.mark.parametrize("framed", [False, True])
def test_an_encoder_text_is_framed(framed: bool) -> None:
    ids = tiny.tiny_tokenizer("right", framed)("ab", "c")["input_ids"]
    assert (ids[0] == 1 and ids.count(2) == 2) is framed
    assert len(ids) == 3 + 3 * framed


def test_vocabulary_fits_the_models() -> None:
    tokenizer = tiny.tiny_tokenizer("left", framed=False)
    assert len(tokenizer) == LLAMA["vocab_size"]
    names = ("pad", "bos", "eos")
    assert [getattr(tokenizer, f"{name}_token_id") for name in names] == [LLAMA[f"{name}_token_id"] for name in names]
