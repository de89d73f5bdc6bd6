"""Evaluation: the loss of each answer, and the records that every table rests on."""

import hashlib

import pytest
import torch
from datasets import Dataset
from models import DECODERS, stir, tiny

from pelt_core.attachment import attach
from pelt_core.data.batches import IGNORED
from pelt_core.evaluate import AnswerLoss, answer_loss, score, summarise

ROWS = Dataset.from_list(
    [
        {"id": "b", "input_ids": [5, 6, 7, 8], "labels": [IGNORED, IGNORED, 7, 8]},
        {"id": "a", "input_ids": list(range(10, 22)), "labels": [IGNORED] * 11 + [21]},
        {"id": "c", "input_ids": [30, 31, 32, 33, 34], "labels": [IGNORED, 31, 32, 33, 34]},
    ]
)


def ready(family: str = "llama", dtype: torch.dtype = torch.float32):
    model = tiny(family).to(dtype)
    attach(model, "lora(rank=4,dropout=0.5)@q,v")
    stir(model)
    return model


@torch.no_grad()
def one_by_one(model) -> list[float]:
    """The loss that transformers gives for each row alone."""
    model.eval()
    return [model(torch.tensor([r["input_ids"]]), labels=torch.tensor([r["labels"]])).loss.item() for r in ROWS]


@pytest.mark.parametrize("family", DECODERS)
@pytest.mark.parametrize("size", [1, 2, 8])
def test_losses_are_those_of_transformers_in_the_order_of_the_rows(family, size):
    model = ready(family)
    expected = one_by_one(model)
    losses = answer_loss(model.train(), ROWS, batch_size=size)
    assert [one.loss for one in losses] == pytest.approx(expected, rel=1e-5)
    assert [one.tokens for one in losses] == [2, 1, 4]


def test_a_bf16_backbone_is_measured_in_fp32_and_stays_bf16():
    model, exact = ready(dtype=torch.bfloat16), ready(dtype=torch.bfloat16)
    for p in exact.parameters():
        p.data = p.data.float()
    before = {name: p.clone() for name, p in model.named_parameters()}
    assert [one.loss for one in answer_loss(model, ROWS)] == pytest.approx(one_by_one(exact), rel=1e-5)
    for name, p in model.named_parameters():
        assert p.dtype is before[name].dtype and torch.equal(p, before[name]), name


def test_says_nothing_where_no_one_watches(capfd):
    answer_loss(ready(), ROWS)
    assert capfd.readouterr() == ("", "")


QUESTIONS = [{"id": "q1", "answer": "42"}, {"id": "q2", "answer": "7"}]


def test_a_record_says_what_was_asked_written_found_and_expected():
    records = score(
        "gsm8k", QUESTIONS, ["six times seven?", "?"], ["6 * 7 = 42.", "no idea"], {"q1": AnswerLoss(0.5, 11)}
    )
    assert records == [
        {
            "set": "gsm8k",
            "id": "q1",
            "prompt_sha256": hashlib.sha256(b"six times seven?").hexdigest(),
            "output": "6 * 7 = 42.",
            "extracted": "42",
            "extracted_published": "42",
            "gold": "42",
            "correct": True,
            "correct_published": True,
            "loss": 0.5,
            "loss_tokens": 11,
            "equation": "6 * 7",
            "equation_correct": True,
        },
        {
            "set": "gsm8k",
            "id": "q2",
            "prompt_sha256": hashlib.sha256(b"?").hexdigest(),
            "output": "no idea",
            "extracted": None,
            "extracted_published": None,
            "gold": "7",
            "correct": False,
            "correct_published": False,
            "loss": None,
            "loss_tokens": 0,
            "equation": None,
            "equation_correct": False,
        },
    ]


def test_an_output_for_every_question_or_none_at_all():
    with pytest.raises(ValueError):
        score("gsm8k", QUESTIONS, ["p", "p"], ["only one"], {})


def test_summary_counts_answers_and_averages_losses_over_questions():
    def item(name: str, correct: bool, loss: float | None, tokens: int) -> dict:
        return {"set": name, "correct": correct, "loss": loss, "loss_tokens": tokens}

    items = [item("gsm8k", True, 1.0, 1), item("gsm8k", False, 2.0, 3), item("gsm8k", False, None, 0)]
    assert summarise([*items, item("aqua", True, None, 0)]) == {
        "accuracy": {"gsm8k": 1 / 3, "aqua": 1.0},
        "answer_loss": {"gsm8k": 1.5},
    }
    assert summarise([]) == {"accuracy": {}, "answer_loss": {}}


def test_summary_has_every_accuracy_that_the_records_of_a_set_have():
    def item(name: str, **fields: bool) -> dict:
        return {"set": name, "correct": True, "loss": None, "loss_tokens": 0, **fields}

    items = [
        item("gsm8k", correct_published=True, equation_correct=False),
        item("gsm8k", correct_published=False, equation_correct=False),
        item("piqa", correct_published=True, label_correct=True, cloze_correct=False, cloze_correct_by_token=True),
    ]
    assert summarise(items) == {
        "accuracy": {"gsm8k": 1.0, "piqa": 1.0},
        "accuracy_published": {"gsm8k": 0.5, "piqa": 1.0},
        "accuracy_equation": {"gsm8k": 0.0},
        "accuracy_label": {"piqa": 1.0},
        "accuracy_cloze": {"piqa": 0.0},
        "accuracy_cloze_by_token": {"piqa": 1.0},
        "answer_loss": {},
    }
