"""Settings of a training that no training can have."""

import pytest
from datasets import Dataset
from models import grown

from pelt_core.data.batches import NothingToLearn
from pelt_core.train import BadSetting, fit

COMMON = dict(learning_rate=1e-2, epochs=2, batch_size=4, warmup=0.2, weight_decay=0.1, seed=0)
ROWS = Dataset.from_list([{"id": "0", "input_ids": [4, 5, 6], "labels": [4, 5, 6]}])


@pytest.mark.parametrize(
    ("name", "value", "least"),
    [
        *((name, 0, 1) for name in ("epochs", "batch_size", "micro_batch_tokens", "save_every")),
        *((name, -5.0, 0) for name in ("learning_rate", "head_learning_rate", "warmup", "weight_decay")),
    ],
)
def test_impossible_numbers_are_refused(name, value, least, tmp_path):
    with pytest.raises(BadSetting, match=f"{name} is {value} and must be a number of at least {least}"):
        fit(grown("bert", "lora@q,v"), ROWS, workdir=tmp_path, **{**COMMON, name: value})


@pytest.mark.parametrize(("family", "column"), [("llama", "labels"), ("bert", "label")])
def test_rows_without_a_label_are_refused_before_anything_is_trained(family, column, tmp_path):
    with pytest.raises(NothingToLearn, match=f"no column '{column}', which this model learns from"):
        fit(grown(family, "lora@q"), ROWS.select_columns(["input_ids"]), **COMMON, workdir=tmp_path / "none")
    assert not (tmp_path / "none").exists()
