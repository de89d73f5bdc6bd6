import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelt_core.data.prompts import EVALUATED_WITH, INSTRUCTION_FOR, PROMPTS, NoChoices, UnknownPrompt, exchange, render

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
    "cloze@1": "Question: How many?\nAnswer:\n",
}
ROW = {
    "id": "piqa-train-00001",
    "question": "Choose: Open it?\n\nSolution1: Push. Solution2: Pull.",
    "solution": "the correct answer is solution2",
    "answer": "solution2",
    "stem": "Open it?",
    "choices": ["Push.", "Pull."],
    "gold": 1,
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


@pytest.mark.parametrize("name", PROMPTS)
def test_a_prompt_is_answered_by_the_solution_and_a_cloze_prompt_by_the_text_of_the_right_choice(name: str) -> None:
    column, answer = ("stem", "Pull.") if name in INSTRUCTION_FOR else ("question", ROW["solution"])
    assert exchange(name, ROW) == (render(name, ROW[column]), answer)


def test_a_cloze_prompt_asks_only_what_has_choices() -> None:
    with pytest.raises(NoChoices, match="'cloze@1' .* and 'gsm8k-train-00000' has none: .* or the prompt 'alpaca@1'"):
        exchange("cloze@1", {"id": "gsm8k-train-00000", "question": "How many?", "solution": "4"})


def test_every_cloze_prompt_has_one_that_asks_with_the_choices() -> None:
    assert EVALUATED_WITH.keys() | set(EVALUATED_WITH.values()) <= PROMPTS.keys()
    assert EVALUATED_WITH["alpaca-published-train@1"] == "alpaca-published-eval@1"
    assert INSTRUCTION_FOR.items() <= EVALUATED_WITH.items()
    assert not INSTRUCTION_FOR.keys() & set(INSTRUCTION_FOR.values())
