"""What a plan counts is what a run trains."""

from dataclasses import replace
from pathlib import Path

import pytest
from test_classifying import RUN

from pelt_core.study.execute import execute
from pelt_core.study.sizes import size, trainable


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"pooling": "pair"},
        {"train_head": False},
        {"method": "head"},
        {"method": "full"},
        {"method": "bitfit", "backbone": "tiny-llama", "pooling": "last"},
    ],
    ids=str,
)
def test_a_classifier_is_counted_as_it_is_trained(change: dict, tmp_path: Path) -> None:
    run = replace(RUN, epochs=1, **change)
    row, _ = execute(run, tmp_path)
    assert (trainable(run), size(run).backbone) == (row["trainable_parameters"], row["backbone_parameters"])
