"""Choices: one row scored by the likelihood of its labels and, in cloze form, of its texts."""

import hashlib

import pytest
import torch
from models import stir, tiny

from pelt_core import backbones
from pelt_core.attachment import attach
from pelt_core.choices import labels, score
from pelt_core.data.batches import encode
from pelt_core.data.extraction import UnknownExtractor
from pelt_core.data.prompts import render
from pelt_core.evaluate import answer_loss
from pelt_core.scoring import ChoiceError


def row(stem: str, choices: list[str], gold: int, label: str = "answer") -> dict:
    names = ["true", "false"] if label == "truth" else [f"{label}{i + 1}" for i in range(len(choices))]
    return {
        "id": stem,
        "question": f"{stem}\n\n{' '.join(map(': '.join, zip(names, choices, strict=True)))}",
        "solution": f"the correct answer is {names[gold]}",
        "answer": names[gold],
        "stem": stem,
        "choices": choices,
        "gold": gold,
    }


ROWS = [
    row("What do bees make?", ["honey", "a wooden chair with four legs", "rain"], 0),
    row("To open a jar,", ["sing to it quietly.", " turn its lid. "], 1, "solution"),
    row("is ice cold?", ["yes", "no"], 0, "truth"),
]


@pytest.fixture(scope="module")
def tokenizer():
    return backbones.load_tokenizer("tiny-llama")


@pytest.fixture(scope="module")
def model():
    model = tiny("llama")
    attach(model, "lora(rank=4)@q,v")
    stir(model)
    return model


def log_likelihood(model, tokenizer, prompt: str, text: str) -> float:
    """Computed as a whole, without a cache."""
    before, after = (tokenizer(part, add_special_tokens=False)["input_ids"] for part in (prompt, text))
    with torch.no_grad():
        logits = model(torch.tensor([before + after])).logits[0, len(before) - 1 : -1].double()
    return logits.log_softmax(-1)[range(len(after)), after].sum().item()


def test_each_label_stands_in_the_sentence_of_training_and_each_text_behind_the_stem(model, tokenizer):
    prompts = [render("alpaca@1", each["question"]) for each in ROWS]
    for each, prompt, found in zip(ROWS, prompts, score(model, tokenizer, ROWS, prompts), strict=True):
        sentences = [f"the correct answer is {label}" for label in labels(each)]
        nats = [log_likelihood(model, tokenizer, prompt, sentence) for sentence in sentences]
        assert found["label_log_likelihoods"] == pytest.approx(nats, rel=1e-5)
        assert found["label_picked"] == labels(each)[nats.index(max(nats))]
        assert found["label_correct"] == (found["label_picked"] == each["answer"])
        stem = f"Question: {each['stem']}\nAnswer:\n"
        nats = [log_likelihood(model, tokenizer, stem, choice.strip()) for choice in each["choices"]]
        assert found["cloze_log_likelihoods"] == pytest.approx(nats, rel=1e-5)
        assert found["cloze_characters"] == [len(choice.strip()) for choice in each["choices"]]
        assert found["cloze_prompt_sha256"] == hashlib.sha256(stem.encode()).hexdigest()
        lengths = [1, 1] if each["answer"] == "true" else found["cloze_characters"]
        by_character = [value / length for value, length in zip(nats, lengths, strict=True)]
        by_token = [value / length for value, length in zip(nats, found["cloze_tokens"], strict=True)]
        assert found["cloze_picked"] == by_character.index(max(by_character))
        assert found["cloze_correct"] == (found["cloze_picked"] == each["gold"])
        assert found["cloze_correct_by_token"] == (by_token.index(max(by_token)) == each["gold"])


def test_training_in_cloze_form_raises_the_likelihood_that_is_scored(model, tokenizer):
    """The text of the right choice, and nothing else, has the same likelihood as an answer to learn and as a choice."""
    encoded = encode(tokenizer, ROWS[:1], "cloze@1", 512)
    (learnt,) = answer_loss(model, encoded)
    (found,) = score(model, tokenizer, ROWS[:1], ["p"])
    assert learnt.tokens == found["cloze_tokens"][0] + 1  # the end token
    end = log_likelihood(model, tokenizer, "Question: What do bees make?\nAnswer:\nhoney", tokenizer.eos_token)
    assert -learnt.loss * learnt.tokens == pytest.approx(found["cloze_log_likelihoods"][0] + end, rel=1e-4)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"gold": 1}, ChoiceError, "its right choice is number 1 of 3, counted from 0, but its answer is 'answer1'"),
        ({"gold": 3}, ChoiceError, "number 3 of 3"),
        ({"gold": -3}, ChoiceError, "number -3 of 3"),
        ({"choices": list("abcdef")}, ChoiceError, "of 6, .* the labels are answer1, .*, answer5$"),
        ({"solution": "it is honey"}, ChoiceError, "its solution 'it is honey' does not name 'answer1'"),
        ({"choices": ["honey", " ", "rain"]}, ChoiceError, "the choice '' behind .* has no token"),
        ({"answer": "honey"}, UnknownExtractor, "'honey' is no label of a choice; there are true, false"),
    ],
)
def test_a_row_that_contradicts_itself_is_refused(model, tokenizer, changes, error, words):
    with pytest.raises(error, match=words):
        score(model, tokenizer, [ROWS[0] | changes], ["p"])


def test_no_rows_no_scores(model, tokenizer):
    assert score(model, tokenizer, [], []) == []


KNOWN = [
    row("What do bees make?", ["honey", "paper money", "stones", "engines"], 0),
    row("Where do fish live?", ["in the oven", "in the clouds", "in the water", "in a book"], 2),
    row("What do you use to cut bread?", ["a pillow", "a knife", "a song", "a cloud"], 1),
    row("What do people wear on their feet?", ["hats", "gloves", "shoes", "rings"], 2),
    row("The opposite of hot is", ["blue", "cold", "seven", "music"], 1),
    row("A year has twelve", ["months", "wheels", "oceans", "sons"], 0),
    row("Paris is the capital of", ["Brazil", "France", "the moon", "Kenya"], 1),
    row("A baby cat is called", ["a kitten", "a teapot", "a mountain", "a violin"], 0),
]


def test_a_small_model_knows_texts_where_it_knows_no_labels():
    """What the cloze form is for: of questions that the untrained SmolLM2-135M can answer, it picks hardly a label."""
    model, tokenizer = backbones.load_model("smollm2-135m"), backbones.load_tokenizer("smollm2-135m")
    found = score(model, tokenizer, KNOWN, [render("alpaca@1", each["question"]) for each in KNOWN])
    assert sum(each["cloze_correct"] for each in found) >= 7
    assert sum(each["label_correct"] for each in found) <= 3
