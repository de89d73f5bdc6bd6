"""What a plan counts is what a run trains."""

from dataclasses import replace
from pathlib import Path

import pytest
from test_classifying import RUN

from pelt_core.study.execute import execute
from pelt_core.study.grids import grid
from pelt_core.study.sizes import kept, size, trainable


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


def test_what_is_kept_is_what_the_folded_method_has() -> None:
    written, lora = (replace(RUN, method=method) for method in ("mlp_prefix(tokens=10)@kv", "lora@q,v"))
    assert kept(written) == size(replace(RUN, method="prefix(tokens=10)@kv")).own < size(written).own
    assert kept(lora) == size(lora).own


@pytest.mark.parametrize("preset", ["laptop", "paper"])
def test_combinations_and_their_parts_train_about_as_many_parameters(preset):
    sizes = [trainable(run) for run in grid("causal-gates", preset) if run.trains]
    assert max(sizes) < 1.25 * min(sizes)
