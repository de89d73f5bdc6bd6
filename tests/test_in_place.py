"""Every head that a task adds, and that starts at random, is trained: found as what the bare model has not."""

from __future__ import annotations

from typing import Any

import models
import pytest
from transformers import (
    AutoModel,
    AutoModelForMultipleChoice,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)

from pelt_core.attachment import attach
from pelt_core.tiny import tiny_model

TASKS = {
    "SequenceClassification": AutoModelForSequenceClassification,
    "TokenClassification": AutoModelForTokenClassification,
    "QuestionAnswering": AutoModelForQuestionAnswering,
    "MultipleChoice": AutoModelForMultipleChoice,
}
# T5 classifies tokens with its encoder alone, which has no anatomy.
PAIRS = [
    (family, task)
    for task, auto in TASKS.items()
    for family in models.FAMILIES
    if type(models.tiny(family).config) in auto._model_mapping and (family, task) != ("t5", "TokenClassification")
]


@pytest.mark.parametrize(("family", "task"), PAIRS)
def test_a_new_head_is_trained(family: str, task: str) -> None:
    config: Any = models.tiny(family).config
    model = tiny_model(config, TASKS[task])
    pretrained = {name for name, _ in AutoModel.from_config(config).named_parameters()}
    prefix = f"{model.base_model_prefix}."
    head = {name for name, _ in model.named_parameters() if name.removeprefix(prefix) not in pretrained}
    assert head and attach(model, "lora@q").in_place == head
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert {name for name in trained if not name.startswith("pelt.")} == head


def test_tasks_of_every_kind_are_there() -> None:
    assert {task for _, task in PAIRS} == set(TASKS) and len(PAIRS) > 30
