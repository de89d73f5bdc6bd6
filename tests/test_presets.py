import copy
from pathlib import Path

import pytest
import yaml

from pelt_core.data import evaluation_rows
from pelt_core.study import presets
from pelt_core.study.grids import grid
from pelt_core.study.held_out import OverlappingQuestions
from pelt_core.study.presets import BadPreset, UnknownPreset, budgets, ledger_folder


@pytest.fixture
def table(monkeypatch):
    table = copy.deepcopy(presets.presets())
    monkeypatch.setattr(presets, "presets", lambda: table)
    return table


def test_a_study_lays_its_block_over_the_common_one(table):
    table["smoke"]["answers"]["studies"]["placement"]["epochs"] = 7
    assert budgets("smoke", "placement")[0].shared["epochs"] == 7
    assert budgets("laptop", "placement")[0].shared["epochs"] == 1


@pytest.mark.parametrize(
    ("preset", "study"), [("smoke", "placement"), ("laptop", "id-ood"), ("laptop", "low-resource")]
)
def test_an_altered_preset_is_a_file_with_the_same_runs(tmp_path, preset, study):
    given = {"backbone": "owner/name", "weight_decay": "0.5"}
    file = tmp_path / "mine.yml"
    file.write_text(yaml.safe_dump(presets.altered(preset, study, given), sort_keys=False))
    runs = grid(study, preset, overrides=given)
    assert grid(study, str(file)) == runs and {(run.backbone, run.weight_decay) for run in runs if run.trains} == {
        ("owner/name", 0.5)
    }
    assert grid("bottleneck", str(file)) == grid("bottleneck", preset)
    with pytest.raises(BadPreset, match="no run has a field 'lr'"):
        presets.altered(preset, study, {"lr": "1"})


def test_rows_of_smoke_stay_out_of_the_committed_ledger():
    assert budgets("smoke", "placement")[0].ledger == ledger_folder("smoke") == Path("_runs/ledger")
    assert ledger_folder("laptop") == ledger_folder("paper") == Path("data/ledger")


def test_overrides_have_the_types_of_yaml():
    shared = budgets("smoke", "placement", {"epochs": "2", "warmup": "0.1", "evaluate": "[svamp]"})[0].shared
    assert (shared["epochs"], shared["warmup"], shared["evaluate"]) == (2, 0.1, ["svamp"])


def test_each_part_of_a_study_is_laid_over_its_block(table):
    study = table["smoke"]["classification"]["studies"]["glue-recipe"]
    study["parts"] = [{"patience": 3}, {"seeds": [4], "dev_rows": 8}]
    first, second = budgets("smoke", "glue-recipe", {"max_length": "32"})
    assert (first.shared["patience"], first.shared["dev_rows"], first.seeds) == (3, 16, (0,))
    assert (second.shared["patience"], second.shared["dev_rows"], second.seeds) == (0, 8, (4,))
    assert first.shared["max_length"] == second.shared["max_length"] == 32


def test_unknown_and_missing_fields_are_named(table):
    table["smoke"]["answers"]["common"]["batchsize"] = 4
    with pytest.raises(
        BadPreset, match="preset 'smoke', study 'placement': unknown field 'batchsize'; the fields are:"
    ):
        budgets("smoke", "placement")
    del table["smoke"]["answers"]["common"]["batchsize"], table["smoke"]["answers"]["common"]["seeds"]
    with pytest.raises(BadPreset, match="no value for 'seeds'"):
        budgets("smoke", "placement")


def test_unknown_presets_and_studies_are_refused_with_the_choices(table):
    with pytest.raises(UnknownPreset, match="no preset 'cloud'; choose one of: smoke, laptop, paper"):
        budgets("cloud", "placement")
    with pytest.raises(UnknownPreset, match="no preset 'cloud'"):
        ledger_folder("cloud")
    table["paper"]["answers"]["studies"], table["paper"]["classification"]["studies"] = {"size": {}}, {"rank": {}}
    with pytest.raises(UnknownPreset, match="preset 'paper' has no block for study 'placement'; it has: size, rank"):
        budgets("paper", "placement")


def test_the_paper_preset_is_the_papers(table):
    """LLM-Adapters (arXiv 2304.01933): batch 16, 3 epochs, learning rate 3e-4, warm-up 100 steps, cutoff 256."""
    spent = budgets("paper", "placement")[0]
    said = {name: spent.shared[name] for name in ("batch_size", "epochs", "warmup", "max_length", "max_new_tokens")}
    assert said == {"batch_size": 16, "epochs": 3, "warmup": 100, "max_length": 256, "max_new_tokens": 256}
    rates = [method.get("learning_rate", []) for method in spent.cells["methods"].values()]
    assert {rate for own in rates for rate in own} == {3e-4}


@pytest.mark.parametrize("preset", presets.PRESETS)
def test_no_question_that_learning_rates_are_chosen_by_is_tested(preset, mirror):
    """As the rows are drawn, not as they are counted."""
    (searched,) = budgets(preset, "answer-recipe")
    chosen = {
        name: set(evaluation_rows(name, searched.shared["questions"])["id"]) for name in searched.shared["loss_sets"]
    }
    assert chosen
    for study in presets.block(preset)["answers"]["studies"]:
        for part in budgets(preset, study):
            for name in {*part.shared["evaluate"], *part.shared["loss_sets"]}:
                if f"{name}/dev" in chosen:
                    tested = evaluation_rows(name, part.shared["questions"])["id"]
                    assert chosen[f"{name}/dev"].isdisjoint(tested), (study, name)


def test_a_preset_that_tests_what_it_chooses_rates_by_is_refused(table):
    told = (
        "placement tests 1120 questions of gsm8k and answer-recipe chooses learning rates by 200 others, .* are 1319:"
    )
    with pytest.raises(OverlappingQuestions, match=told):
        budgets("paper", "placement", {"questions": "1120", "evaluate": "[gsm8k]", "loss_sets": "[]"})
    budgets("paper", "placement", {"questions": "1119", "evaluate": "[gsm8k]", "loss_sets": "[]"})
    table["paper"]["answers"]["studies"]["arithmetic"]["questions"] = 801
    with pytest.raises(OverlappingQuestions, match="arithmetic tests 801 questions of svamp"):
        budgets("paper", "answer-recipe")


def test_a_file_of_the_same_form_is_a_preset(tmp_path):
    own = tmp_path / "mine.yml"
    table = copy.deepcopy(presets.presets()["smoke"])
    table["classification"]["common"]["backbone"] = "tiny-bert"
    own.write_text(yaml.safe_dump(table))
    assert {run.backbone for run in grid("low-resource", str(own))} == {"tiny-bert"}
    assert presets.ledger_folder(str(own)) == presets.ledger_folder("smoke")
    with pytest.raises(UnknownPreset, match="no file 'none.yml' to read a preset from"):
        grid("low-resource", "none.yml")
    (tmp_path / "other.yml").write_text("ledger: here")
    with pytest.raises(BadPreset, match="is no preset: it must have ledger, answers, classification"):
        grid("low-resource", str(tmp_path / "other.yml"))


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (("classification",), {}, "classification must have `common` and `studies`"),
        (("classification",), None, "classification must have `common` and `studies`"),
        (("ledger",), 3, "it must have ledger, answers, classification"),
        (("answers", "studies", "bottleneck"), None, "the study 'bottleneck' must be fields with values"),
        (("answers", "studies", "placement", "parts"), [1], "the study 'placement' must be .* `parts` a list of such"),
        (("answers", "common", "seeds"), 0, "`seeds` must be a list, such as .0, 1., and is 0"),
        (("answers", "common", "questions"), "many", "'questions' of a run must be int, not 'many'"),
        (("answers", "common", "evaluate"), "svamp", "'evaluate' of a run must be tuple"),
        (("answers", "common", "backbone"), 7, "'backbone' of a run must be str"),
        (("answers", "studies", "placement", "methods"), ["lora"], "`methods` must be names of yours"),
        (("answers", "studies", "placement", "methods", "none"), "none", "the method 'none' needs `method`"),
        (
            ("answers", "studies", "placement", "methods", "lora-mlp"),
            {"method": "lora"},
            "needs `learning_rate`, a list",
        ),
        (
            ("answers", "studies", "placement", "methods", "lora-mlp", "learning_rate"),
            0.001,
            "the method 'lora-mlp' needs `learning_rate`, a list",
        ),
        (("classification", "common", "tasks"), ["sst2"], "`tasks` must be names of tasks"),
        (("classification", "common", "pooling"), {}, "`pooling` must have a list for each of "),
        (("classification", "common", "examples"), 100, "`examples` must be numbers of rows"),
        (("classification", "common", "train_head"), True, "`train_head` must be a list"),
    ],
)
def test_what_a_file_says_in_another_form_is_named(tmp_path, place, value, told):
    said = copy.deepcopy(presets.presets()["smoke"])
    *within, last = place
    block = said
    for name in within:
        block = block[name]
    block[last] = value
    file = tmp_path / "mine.yml"
    file.write_text(yaml.safe_dump(said))
    study = "low-resource" if "classification" in place else "placement"
    with pytest.raises(BadPreset, match=told):
        grid(study, str(file))


def test_what_is_no_yaml_is_refused(tmp_path):
    (tmp_path / "mine.yml").write_text("ledger: [")
    with pytest.raises(BadPreset, match="mine.yml is no preset, as it is no YAML"):
        grid("placement", str(tmp_path / "mine.yml"))
    with pytest.raises(BadPreset, match="a value to set cannot be read as YAML"):
        budgets("smoke", "placement", {"epochs": "["})
