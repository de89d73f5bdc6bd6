import copy
from pathlib import Path

import pytest

from pelt_core.study import presets
from pelt_core.study.presets import BadPreset, UnknownPreset, budget, ledger_folder


@pytest.fixture
def table(monkeypatch):
    table = copy.deepcopy(presets.presets())
    monkeypatch.setattr(presets, "presets", lambda: table)
    return table


def test_a_study_lays_its_block_over_the_common_one(table):
    table["smoke"]["answers"]["studies"]["placement"]["epochs"] = 7
    assert budget("smoke", "placement").shared["epochs"] == 7
    assert budget("laptop", "placement").shared["epochs"] == 1


def test_rows_of_smoke_stay_out_of_the_committed_ledger():
    assert budget("smoke", "placement").ledger == ledger_folder("smoke") == Path("_runs/ledger")
    assert ledger_folder("laptop") == ledger_folder("paper") == Path("data/ledger")


def test_overrides_have_the_types_of_yaml():
    shared = budget("smoke", "placement", {"epochs": "2", "warmup": "0.1", "evaluate": "[svamp]"}).shared
    assert (shared["epochs"], shared["warmup"], shared["evaluate"]) == (2, 0.1, ["svamp"])


def test_unknown_and_missing_fields_are_named(table):
    table["smoke"]["answers"]["common"]["batchsize"] = 4
    with pytest.raises(
        BadPreset, match="preset 'smoke', study 'placement': unknown field 'batchsize'; the fields are:"
    ):
        budget("smoke", "placement")
    del table["smoke"]["answers"]["common"]["batchsize"], table["smoke"]["answers"]["common"]["seeds"]
    with pytest.raises(BadPreset, match="no value for 'seeds'"):
        budget("smoke", "placement")


def test_unknown_presets_and_studies_are_refused_with_the_choices(table):
    with pytest.raises(UnknownPreset, match="no preset 'cloud'; choose one of: smoke, laptop, paper"):
        budget("cloud", "placement")
    with pytest.raises(UnknownPreset, match="no preset 'cloud'"):
        ledger_folder("cloud")
    studies = table["paper"]["answers"]["studies"]
    del studies["placement"]
    studies["size"] = {}
    with pytest.raises(UnknownPreset, match="preset 'paper' has no block for study 'placement'; it has: size"):
        budget("paper", "placement")


def test_the_paper_preset_is_the_papers(table):
    """LLM-Adapters (arXiv 2304.01933): batch 16, 3 epochs, learning rate 3e-4, warm-up 100 steps, cutoff 256."""
    spent = budget("paper", "placement")
    said = {name: spent.shared[name] for name in ("batch_size", "epochs", "warmup", "max_length", "max_new_tokens")}
    assert said == {"batch_size": 16, "epochs": 3, "warmup": 100, "max_length": 256, "max_new_tokens": 256}
    assert set(spent.cells["methods"].values()) == {3e-4}
