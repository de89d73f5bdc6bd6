import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import RUN

from pelt_core.study.run import BadRun, ClassificationRun, Run


def test_golden_key():
    """A change of this key orphans every recorded run: change the way keys are made only together with the ledger."""
    assert RUN.key == "9bea2678416a026f"


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(RUN)])
def test_every_field_decides_the_key(field):
    value = getattr(RUN, field)
    other = (*value, "gsm8k") if isinstance(value, tuple) else {str: "fp32", int: 7, float: 0.5}[type(value)]
    assert dataclasses.replace(RUN, **{field: other}).key != RUN.key


def test_a_later_field_leaves_the_keys_of_older_runs_as_they_are() -> None:
    assert "texts" not in RUN.to_dict() and Run.from_dict(RUN.to_dict()) == RUN
    read = dataclasses.replace(RUN, texts="glue-qnli")
    assert read.to_dict()["texts"] == "glue-qnli" and Run.from_dict(read.to_dict()) == read


def test_the_same_run_has_one_key_however_it_is_written():
    assert dataclasses.replace(RUN, evaluate=["gsm8k", "svamp"], weight_decay=0).key == RUN.key


@given(method=st.text(), seed=st.integers(0, 2**31), rate=st.floats(0, 1), sets=st.lists(st.text(), max_size=3))
def test_a_run_survives_json(method, seed, rate, sets):
    run = dataclasses.replace(RUN, method=method, seed=seed, learning_rate=rate, evaluate=sets, loss_sets=sets[:1])
    again = Run.from_dict(json.loads(json.dumps(run.to_dict())))
    assert again == run
    assert again.key == run.key


def test_unknown_and_missing_fields_are_named():
    values = RUN.to_dict() | {"bach_size": 8}
    del values["seed"]
    with pytest.raises(BadRun, match=r"unknown bach_size; missing seed.*fields of a run are: backbone, method"):
        Run.from_dict(values)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("seed", "0", "'seed' of a run must be int, not '0'"),
        ("seed", True, "'seed'.*not True"),
        ("epochs", 1.5, "'epochs'.*int, not 1.5"),
        ("learning_rate", "1e-3", "'learning_rate'.*float"),
        ("evaluate", "gsm8k", "'evaluate'.*tuple"),
        ("epochs", 0, "epochs is 0 and must be a number of at least 1"),
        ("batch_size", -1, "batch_size is -1 and"),
        ("warmup", -5, "warmup is -5.0 and must be a number of at least 0"),
        ("learning_rate", math.nan, "learning_rate is nan and"),
        ("weight_decay", math.inf, "weight_decay is inf and"),
        ("max_length", 0, "max_length is 0 and"),
        ("questions", 0, "questions is 0 and"),
        ("precision", "fp16", "'fp16' is unknown; there are: bf16, fp32"),
    ],
)
def test_wrong_values_are_refused(field, value, message):
    with pytest.raises(BadRun, match=message):
        dataclasses.replace(RUN, **{field: value})


def test_what_is_not_trained_takes_no_step():
    untrained = dataclasses.replace(RUN, method="none", train="", epochs=0, batch_size=0)
    with pytest.raises(BadRun, match="batch_size is 0 and"):
        dataclasses.replace(untrained, train="gsm8k:500", epochs=1)


CLASSIFIED = ClassificationRun(
    backbone="minilm-l6",
    method="lora@q,v",
    data_sha256="0" * 64,
    learning_rate=2e-3,
    epochs=20,
    batch_size=16,
    warmup=0.06,
    weight_decay=0.0,
    max_length=128,
    precision="fp32",
    seed=0,
    task="sst2",
    train_from="train",
    test_from="test",
    examples=100,
    shuffle=0,
    dev_rows=1000,
    test_rows=2000,
    pooling="mean",
    train_head=True,
    head_learning_rate=5e-3,
    patience=5,
)


def test_the_other_kind_has_a_golden_key_too() -> None:
    assert CLASSIFIED.key == "97af0af789c69422"


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(CLASSIFIED)])
def test_every_field_of_the_other_kind_decides_the_key(field: str) -> None:
    value = getattr(CLASSIFIED, field)
    other = {str: "bf16", int: 7, float: 0.5, bool: False}[type(value)]
    assert dataclasses.replace(CLASSIFIED, **{field: other}).key != CLASSIFIED.key


@pytest.mark.parametrize("field", ["epochs", "dev_rows", "test_rows"])
def test_a_classifier_needs_some_of_these(field: str) -> None:
    with pytest.raises(BadRun, match=f"{field} is 0 and must be a number of at least 1"):
        dataclasses.replace(CLASSIFIED, **{field: 0})


def test_a_run_comes_back_as_the_kind_that_it_was() -> None:
    for run in (RUN, CLASSIFIED):
        again = Run.from_dict(json.loads(json.dumps(run.to_dict())))
        assert again == run and type(again) is type(run)
    with pytest.raises(BadRun, match="'train_head' of a run must be bool, not 1"):
        dataclasses.replace(CLASSIFIED, train_head=1)
