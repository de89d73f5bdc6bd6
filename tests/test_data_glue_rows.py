"""GLUE's published forms, on invented rows; the real files are read where PELT_DATA has them."""

import os
from typing import Any

import pytest

from pelt_core.data.catalogue import DATASETS
from pelt_core.data.fields import BadRow
from pelt_core.data.glue.rows import READERS, Example, example
from pelt_core.data.glue.tasks import TASKS
from pelt_core.data.reading import read

CAT, DOG = "The cat sleeps.", "The dog sleeps."
PAIR = {"sentence1": CAT, "sentence2": DOG}


@pytest.mark.parametrize(
    ("name", "raw", "label"),
    [
        ("cola", {"source": "x", "label": "1", "label_notes": "", "sentence": CAT}, 1),
        ("cola", {"sentence": CAT, "label": 0, "idx": 7}, 0),
        ("sst2", {"sentence": f"{CAT} ", "label": "0"}, 0),
        ("mrpc", {"Quality": "1", "#1 ID": "7", "#2 ID": "8", "#1 String": CAT, "#2 String": DOG}, 1),
        ("mrpc", PAIR | {"label": 0, "idx": 3}, 0),
        ("stsb", PAIR | {"score": "3.80"}, 3.8),
        ("stsb", PAIR | {"label": 3.799999952316284, "idx": 3}, 3.8),
        ("qqp", {"question1": CAT, "question2": DOG, "is_duplicate": "0"}, 0),
        ("qqp", {"question1": CAT, "question2": DOG, "label": 1, "idx": 0}, 1),
        ("qqp", {"text_a": CAT, "text_b": DOG, "label": "1"}, 1),
        ("mnli", {"premise": CAT, "hypothesis": DOG, "gold_label": "neutral"}, 1),
        ("mnli", {"premise": CAT, "hypothesis": DOG, "label": 2, "idx": 0}, 2),
        ("mnli", PAIR | {"label1": "neutral", "gold_label": "entailment"}, 0),
        ("mnli", {"text_a": CAT, "text_b": DOG, "label": "contradiction"}, 2),
        ("qnli", {"index": "0", "question": CAT, "sentence": DOG, "label": "not_entailment"}, 1),
        ("rte", PAIR | {"index": "0", "label": "entailment"}, 0),
    ],
)
def test_every_published_form_gives_the_same_row(name: str, raw: dict[str, Any], label: float) -> None:
    second = "" if name in ("cola", "sst2") else DOG
    assert example(TASKS[name], raw, 5) == Example(5, CAT, second, label)


@pytest.mark.parametrize(
    ("name", "raw", "reason"),
    [
        (
            "cola",
            {"text": CAT, "label": 1},
            r"must have the fields \['sentence', 'label'\], and has \['text', 'label'\]",
        ),
        ("mrpc", PAIR, r"must have the fields \['sentence1', 'sentence2', 'label'\] or \['#1 String'"),
        ("rte", PAIR | {"label": "neutral"}, "field 'label' must be one of 0, 1 or entailment, not_entailment, and is"),
        ("rte", PAIR | {"label": -1}, "field 'label' must be .* and is -1"),
        ("rte", PAIR | {"label": True}, "field 'label' must be .* and is True"),
        ("rte", PAIR | {"label": None}, "field 'label' must be .* and is None"),
        ("stsb", PAIR | {"score": "nan"}, "field 'score' must be a number from 0 to 5, and is 'nan'"),
        ("stsb", PAIR | {"score": "5.2"}, "field 'score' must be a number from 0 to 5, and is '5.2'"),
        ("stsb", PAIR | {"score": None}, "field 'score' must be a number from 0 to 5, and is None"),
        ("rte", {"sentence1": CAT, "sentence2": 3, "label": 0}, "field 'sentence2' is 3, not a text"),
    ],
)
def test_a_row_that_breaks_its_tasks_promise_says_how(name: str, raw: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        example(TASKS[name], raw, 0)


def test_a_row_without_a_text_is_kept_with_the_reason() -> None:
    row = example(TASKS["qqp"], {"question1": CAT, "question2": " ", "label": 0}, 0)
    assert (row.text, row.text_pair, row.flaw) == (CAT, "", "field 'question2' is empty")


def test_every_task_has_a_card_and_a_reader() -> None:
    for task in TASKS.values():
        card = DATASETS[task.dataset]
        assert (task.dataset in READERS) == bool(task.fields)
        assert card.answer_kind == ("label" if task.labels else "score")
        assert {"train", "test", task.train_part or "train", task.test_part or "test"} <= set(card.splits)


@pytest.mark.skipif("PELT_DATA" not in os.environ, reason="reads the published files, from PELT_DATA")
def test_the_published_files_are_read_as_pinned() -> None:
    test = {name: read(task.dataset, task.test_part or "test") for name, task in TASKS.items() if task.fields}
    assert {name: len(prepared.rows) for name, prepared in test.items()} == {
        "cola": 1043,
        "sst2": 872,
        "mrpc": 408,
        "stsb": 1500,
        "qqp": 1000,
        "mnli": 9815,
        "qnli": 5463,
        "rte": 277,
    }
    assert not any(prepared.flaws for prepared in test.values())
