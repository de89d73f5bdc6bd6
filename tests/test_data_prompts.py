import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelt_core.data.prompts import PROMPTS, UnknownPrompt, render

GOLDEN = {
    "alpaca@1": (
        "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n"
        "\n### Instruction:\nHow many?\n\n### Response:\n"
    ),
    "alpaca-published-train@1": (
        "Below is an instruction that describes a task. Write a response that appropriately completes the request.  \n"
        "\n                ### Instruction:\n                How many?\n                \n"
        "                ### Response:\n                "
    ),
    "alpaca-published-eval@1": (
        "Below is an instruction that describes a task. Write a response that appropriately completes the request. \n"
        "\n                ### Instruction:\n                How many?\n\n"
        "                ### Response:\n                "
    ),
}


def test_every_prompt_is_pinned_byte_for_byte() -> None:
    assert {name: render(name, "How many?") for name in PROMPTS} == GOLDEN


@given(st.sampled_from(sorted(PROMPTS)), st.text())
def test_a_question_is_put_in_unchanged(name: str, question: str) -> None:
    before, after = PROMPTS[name].split("{question}")
    assert render(name, question) == before + question + after


def test_an_unknown_prompt_lists_the_known() -> None:
    with pytest.raises(UnknownPrompt, match=r"'alpaca'.*alpaca@1"):
        render("alpaca", "How many?")
