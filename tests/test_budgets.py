import pytest

from pelt_core.specification import parse
from pelt_core.study.budgets import ClassificationBudget
from pelt_core.study.grids import grid
from pelt_core.study.presets import budgets
from pelt_core.study.run import ClassificationRun


def runs(study: str, preset: str, seeds: list[int] | None = None) -> list[ClassificationRun]:
    found = grid(study, preset, seeds)
    classified = [run for run in found if isinstance(run, ClassificationRun)]
    assert len(classified) == len(found)
    return classified


def test_a_study_of_few_examples_is_a_product() -> None:
    parts = budgets("laptop", "glue-recipe")
    cells = 0
    for part in parts:
        assert isinstance(part, ClassificationBudget)
        rates = [len(m["learning_rate"]) * len(m["head_learning_rate"]) for m in part.cells["methods"].values()]
        cells += sum(rates) * len(part.cells["tasks"])
    found = runs("glue-recipe", "laptop")
    assert len(found) == cells
    assert {(run.task, run.examples) for run in found} == {("sst2", 500), ("qqp", 500)}


def test_what_is_quick_comes_first() -> None:
    sizes = [run.examples for run in runs("glue-recipe", "paper", seeds=[0])]
    assert sizes == sorted(sizes) and len(set(sizes)) == 3


def test_fewer_rows_are_read_more_often() -> None:
    epochs = {run.examples: run.epochs for run in runs("low-resource", "laptop")}
    assert len(epochs) == 3 and sorted(epochs) == sorted(epochs, key=lambda rows: -epochs[rows])


def test_parts_share_what_they_do_not_say_otherwise() -> None:
    first, *rest = budgets("laptop", "low-resource")
    again = [part for part in rest if part.cells["examples"] == first.cells["examples"]]
    assert again and all(part.shared == first.shared for part in again)
    assert all(set(part.seeds).isdisjoint(first.seeds) for part in again)
    longer = next(part for part in rest if part not in again)
    differing = {name for name, value in first.shared.items() if longer.shared[name] != value}
    assert differing == {"patience"} and longer.cells["methods"] == first.cells["methods"]


def test_two_texts_are_read_apart_only_where_there_are_two() -> None:
    apart = {run.task for run in runs("glue-signal", "laptop") if run.pooling == "pair"}
    assert apart == {"qqp", "mrpc", "stsb", "qnli", "mnli", "rte"}


def test_the_seed_is_the_sample_and_the_start() -> None:
    assert {(run.seed, run.shuffle) for run in runs("glue-signal", "smoke", seeds=[3])} == {(3, 3)}


@pytest.mark.parametrize("study", ["glue-signal", "glue-recipe"])
def test_data_and_methods_are_named_as_they_are(study: str) -> None:
    for run in runs(study, "paper"):
        assert len(run.data_sha256) == 64 and (run.train_from, run.test_from) == ("train", "test")
        assert str(parse(run.method)) == run.method
