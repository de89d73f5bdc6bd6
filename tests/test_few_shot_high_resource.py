"""The page on many examples, from rows that are made up."""

from pathlib import Path

import pytest
from few_shot_rows import few_shot_row

from pelt_core.report.few_shot import high_resource, tasks
from pelt_core.report.few_shot.state import selected
from pelt_core.study.ledger import Ledger
from pelt_core.study.scores import Scores, load

SKILLS = {"full": 0.8, "apl": 0.75, "lora": 0.3}


def recorded(folder: Path, seeds: list[int], methods: list[str]) -> Scores:
    ledger = Ledger(folder)
    whole = load(["high-resource"], "laptop", ledger)
    for number, run in enumerate(selected(whole, method=methods, seed=seeds)):
        ledger.write(*few_shot_row(run, 200, SKILLS[whole.names[run.method]], number))
    return load(["high-resource"], "laptop", ledger)


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Scores:
    return recorded(tmp_path_factory.mktemp("ledger"), [0], list(SKILLS))


def test_the_published_table_is_read_in_our_names() -> None:
    paper = high_resource.published()
    assert paper["full", "sst2"] == 91.63 and paper["full", "cola"] == 62.08
    assert {"apl", "ap", "adapter", "prefix", "lora"} <= set(paper.index.get_level_values("method"))


def test_the_table_lays_ours_beside_the_papers(scores: Scores) -> None:
    paper = high_resource.published()
    shown = high_resource.table(scores, tasks.by_task(scores), paper).set_index("Method")
    assert shown.loc["Full fine-tuning", "SST-2, paper"] == "91.6" and "[" in shown.loc["LoRA", "CoLA, here"]
    assert shown.loc["Full fine-tuning", "Mean, paper"] == f"{(91.63 + 62.08) / 2:.1f}"
    assert shown.loc["Prefix", "SST-2, here"] == "not run yet" and shown.loc["Prefix", "Mean, here"] == ""
    assert shown.loc["Trivial baseline", "SST-2, here"] == "50.0"


def test_differences_are_from_fine_tuning(scores: Scores) -> None:
    against = high_resource.differences(scores).set_index("method")
    assert "full" not in against.index and against.loc["lora", "high"] < 0 and against.loc["lora", "seeds"] == 1


def test_the_reading_compares_the_spans_and_gives_no_verdict_on_one_seed(scores: Scores) -> None:
    said = high_resource.reading(
        tasks.by_task(scores), high_resource.differences(scores), high_resource.published()
    ).data
    assert "from *LoRA*" in said and "On the same tasks the paper's span" in said and "**no verdict**" in said
    assert "nan" not in said


def test_nothing_is_compared_before_two_methods_are_whole(tmp_path: Path) -> None:
    one = recorded(tmp_path, [0], ["full"])
    said = high_resource.reading(tasks.by_task(one), high_resource.differences(one), high_resource.published())
    assert "nothing to compare yet" in said.data


def test_limits_say_how_many_rows_stand_for_all(scores: Scores) -> None:
    rows = max(run.examples for run in scores.runs)
    assert f"here it is {rows:,} rows" in high_resource.limits(scores).data
