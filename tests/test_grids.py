from dataclasses import replace

import pytest

from pelt_core.catalogue import full_name
from pelt_core.data import UnknownDataset
from pelt_core.methods import METHODS
from pelt_core.specification import MethodError
from pelt_core.study import grids
from pelt_core.study.grids import STUDIES, NoSuchCell, UnknownStudy, grid
from pelt_core.study.presets import BadPreset, UnknownPreset, budgets, presets

LAPTOP = [
    "none",
    "series@attn",
    "series@mlp",
    "series@attn,mlp",
    "parallel@attn",
    "parallel@mlp",
    "parallel@attn,mlp",
    "lora(rank=32,alpha=64)@q,k,v",
    "lora(rank=32,alpha=64)@up,down",
    "lora(rank=32,alpha=64)@q,k,v,up,down",
]


def test_placement_has_every_module_at_every_place_and_the_backbone_once():
    runs = grid("placement", "laptop")
    trained = LAPTOP[1:]
    assert [(run.method, run.seed) for run in runs] == [
        ("none", 0),
        *((method, 0) for method in trained),
        *((method, 1) for method in trained),
    ]
    rates = {run.method.partition("@")[0]: run.learning_rate for run in runs}
    assert rates == {"none": 0.0, "series": 1e-3, "parallel": 3e-3, "lora(rank=32,alpha=64)": 1e-3}


def test_defaults_that_recorded_methods_leave_unsaid():
    """Canonical specifications leave defaults out: a changed one gives recorded rows another meaning, unnoticed."""
    bottleneck = {"bottleneck": 64, "activation": "relu", "bias": True, "start": "zero", "scale": 1.0}
    assert METHODS["series"].defaults == METHODS["parallel"].defaults == bottleneck
    assert METHODS["lora"].defaults == {"rank": 8, "alpha": 16.0, "dropout": 0.0, "scaling": "rank"}


@pytest.mark.parametrize("preset", presets())
@pytest.mark.parametrize("study", STUDIES)
def test_every_study_has_every_preset_and_no_run_twice(study, preset):
    runs = grid(study, preset)
    assert len({run.key for run in runs}) == len(runs)
    (block,) = (block for name, block in presets()[preset].items() if name != "ledger" and study in block["studies"])
    said = {**block["common"], **block["studies"][study]}["backbone"]
    assert {run.backbone for run in runs} == {full_name(said)}


def test_the_smoke_preset_needs_nothing_but_the_repository():
    for run in grid("placement", "smoke"):
        assert {*run.evaluate, *run.loss_sets, *filter(None, [run.train.partition(":")[0]])} == {"arithmetic"}


def test_the_base_model_is_the_same_run_whatever_training_costs():
    [short] = grid("placement", "laptop", only=["none"])
    [long] = grid("placement", "laptop", only=["none"], overrides={"epochs": "9", "batch_size": "2"}, seeds=[5])
    assert short.key == long.key
    assert short.train == ""


def test_no_seeds_are_no_runs():
    assert grid("placement", "smoke", seeds=[]) == []


def test_seeds_and_overrides_replace_those_of_the_preset():
    runs = grid("placement", "smoke", seeds=[3, 4], only=["lora*@q,k,v"], overrides={"backbone": "tiny-llama"})
    assert [(run.seed, run.backbone) for run in runs] == [(3, "tiny-llama"), (4, "tiny-llama")]
    longer = grid("placement", "smoke", overrides={"evaluate": "[svamp, aqua]", "loss_sets": "[svamp]"})
    assert longer[0].evaluate == ("svamp", "aqua")
    assert longer[0].data_sha256 != runs[0].data_sha256


@pytest.mark.parametrize(
    ("only", "methods"),
    [
        (["series*"], LAPTOP[1:4]),
        (["*@attn"], [LAPTOP[1], LAPTOP[4]]),
        (["none", "parallel@mlp"], [LAPTOP[0], LAPTOP[5]]),
        (["lora-mlp"], [LAPTOP[8]]),
        (["*-mlp"], [LAPTOP[2], LAPTOP[5], LAPTOP[8]]),
        (["lora*@q,k,v"], [LAPTOP[7]]),
    ],
)
def test_only_keeps_what_has_or_matches_a_name_or_a_specification(only, methods):
    assert [run.method for run in grid("placement", "laptop", seeds=[0], only=only)] == methods


def test_a_short_name_is_that_method_alone():
    """Not what else contains it or begins with it: UniPELT holds a LoRA, and `ap` is the beginning of four names."""
    assert {run.method for run in grid("low-resource", "laptop", only=["lora"])} == {"lora@q,v"}
    assert len({run.method for run in grid("low-resource", "laptop", only=["ap"])}) == 1
    assert len({run.method for run in grid("low-resource", "laptop", only=["ap*"])}) == 4


def test_a_pattern_without_a_match_shows_the_short_names():
    with pytest.raises(
        NoSuchCell, match=r"matches 'series@kv'; its short names are: none, series-attention, series-mlp"
    ):
        grid("placement", "laptop", only=["lora*", "series@kv"])
    with pytest.raises(NoSuchCell, match="no method of this study matches 'lora'"):
        grid("placement", "laptop", only=["lora"])


def test_what_does_not_exist_is_refused_with_the_choices():
    with pytest.raises(UnknownStudy, match="no study 'placment'; choose one of: placement"):
        grid("placment", "smoke")
    with pytest.raises(UnknownPreset, match="no preset 'lap'; choose one of: smoke, laptop, paper"):
        grid("placement", "lap")
    with pytest.raises(BadPreset, match="no run has a field 'backbon' to set; the fields are: backbone, epochs"):
        grid("placement", "smoke", overrides={"backbon": "tiny-llama"})
    with pytest.raises(UnknownDataset, match="'gsm9k'"):
        grid("placement", "smoke", overrides={"train": "gsm9k:10"})


def test_fields_select_runs():
    runs = grid("low-resource", "paper", where={"task": ["sst2", "qqp"], "examples": ["100"], "seed": ["1"]})
    assert {(run.task, run.examples, run.seed) for run in runs} == {("sst2", 100, 1), ("qqp", 100, 1)}
    for written in ("5e-4", "5E-4", "0.0005", "0.5e-3", "5e-04"):
        rates = grid("low-resource", "paper", where={"learning_rate": [written], "train_head": ["true"]})
        assert rates and {(run.learning_rate, run.train_head) for run in rates} == {(5e-4, True)}
    for unreadable in ("5e-", "fast"):
        with pytest.raises(NoSuchCell, match=f"has learning_rate={unreadable}; there are: 2e-05,"):
            grid("low-resource", "paper", where={"learning_rate": [unreadable]})
    with pytest.raises(NoSuchCell, match="no run of this study has examples=10; there are: 100, 500, 1000"):
        grid("low-resource", "paper", where={"examples": ["10"]})
    with pytest.raises(NoSuchCell, match="no run has a field 'k' to choose by; the fields are: backbone, "):
        grid("low-resource", "paper", where={"k": ["10"]})


@pytest.mark.parametrize(("method", "message"), [("lorra@q", "no method 'lorra'"), ("series@kv", "cannot sit at 'kv'")])
def test_a_study_of_a_method_that_does_not_exist_is_refused(monkeypatch, method, message):
    (part,) = budgets("smoke", "placement")
    bad = replace(part, cells={"methods": {"bad": {"method": method, "learning_rate": [1e-3]}}})
    monkeypatch.setattr(grids, "budgets", lambda preset, study, overrides: (bad,))
    with pytest.raises(MethodError, match=message):
        grid("placement", "smoke")
