import dataclasses

import pytest
from samples import RUN

from pelt_core.backbones import UnknownBackbone
from pelt_core.data.batches import NothingToLearn
from pelt_core.data.extraction import UnknownKind
from pelt_core.data.prompts import NoChoices, UnknownPrompt
from pelt_core.data.rows import BadMix
from pelt_core.sites import AnatomyError
from pelt_core.study import answering
from pelt_core.study.check import check

GOOD = dataclasses.replace(
    RUN, backbone="tiny-llama", train="arithmetic:8", evaluate=("arithmetic",), loss_sets=("arithmetic",)
)


def test_a_good_run_passes():
    cloze = dataclasses.replace(GOOD, prompt="cloze@1", train="puzzles:8", loss_sets=())
    check([GOOD, dataclasses.replace(GOOD, train="", method="none"), cloze])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"backbone": "tiny-lama"}, UnknownBackbone, "did you mean 'tiny-llama'"),
        ({"method": "lora@q:7"}, AnatomyError, "2 layers here, 0-1, and not 7"),
        ({"backbone": "tiny-gpt2", "method": "lora@gate"}, AnatomyError, "gate"),
        ({"prompt": "alpaca@2"}, UnknownPrompt, "alpaca@1"),
        ({"prompt": "cloze@1"}, NoChoices, "'cloze@1' asks for the text of a choice, and 'arithmetic-test-"),
        ({"prompt": "cloze@1", "loss_sets": ()}, NoChoices, "and 'arithmetic-train-"),
        ({"max_length": 8}, NothingToLearn, "no row is left to learn from: 200 of more than 8 tokens"),
        ({"max_length": 8, "loss_sets": ()}, NothingToLearn, "no row is left to learn from: 8 of more than 8 tokens"),
        ({"evaluate": ("paraphrase",), "loss_sets": ()}, UnknownKind, "or 'choice', not 'label'"),
        ({"train": "arithmetic:5000"}, BadMix, "arithmetic, which has 4800"),
    ],
)
def test_what_would_stop_a_later_run_is_found_before_the_first(change, error, message):
    with pytest.raises(error, match=message):
        check([GOOD, dataclasses.replace(GOOD, **change)])


def test_what_runs_share_is_checked_once(monkeypatch):
    read = []
    monkeypatch.setattr(answering.kept, "training", lambda backbone, mix, *how: read.append(mix))
    check([dataclasses.replace(GOOD, seed=seed) for seed in range(3)])
    assert read == ["arithmetic:8"]
