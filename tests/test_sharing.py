from __future__ import annotations

import copy
from pathlib import Path

import models
import pytest
import torch
from datasets import Dataset
from transformers import PreTrainedModel, Trainer, TrainingArguments

from pelt_core.attachment import attach, attached

SHARED = {
    "compacter": ("bert", "compacter(reduction=4)"),
    "said": ("llama", "said(dimension=12)@linears"),
    "mlp_prefix": ("llama", "mlp_prefix(tokens=3,mid=6)"),
    "submodule": ("llama", "scalar(per=submodule)*lora(rank=4)"),
    "softmax": ("bert", models.CENTRAL),
}
shared = pytest.mark.parametrize(("family", "spec"), SHARED.values(), ids=list(SHARED))


def other(family: str, spec: str) -> PreTrainedModel:
    model = models.tiny(family)
    attach(model, spec, seed=7)
    return model


@shared
def test_a_state_dict_holds_each_tensor_once_and_loads_back(family: str, spec: str) -> None:
    model, inputs = models.grown(family, spec), models.batch(family)
    state = model.state_dict()
    own = [t.data_ptr() for name, t in state.items() if name.startswith("pelt.")]
    modules = attached(model)
    assert len(own) == len(set(own)) < len(list(modules.named_parameters(remove_duplicate=False)))
    assert {f"pelt.default.{name}" for name, _ in modules.named_parameters()} <= set(state)
    for started in (other(family, spec), copy.deepcopy(other(family, spec))):
        assert not torch.equal(started(**inputs).logits, model(**inputs).logits)
        started.load_state_dict(state)
        assert torch.equal(started(**inputs).logits, model(**inputs).logits)


def test_a_state_dict_with_all_names_loads_and_one_without_any_does_not() -> None:
    carried = other(*SHARED["compacter"]).pelt
    state = carried.state_dict()
    carried.load_state_dict(dict(carried.named_parameters(remove_duplicate=False)))
    shared = [name for name in state if name.endswith("delta.A")]
    assert len(shared) == 1
    with pytest.raises(RuntimeError, match="Missing key.*delta.A.*delta.A"):
        carried.load_state_dict({name: value for name, value in state.items() if name not in shared})


@shared
def test_a_trainer_s_checkpoints_go_on_where_they_ended(family: str, spec: str, tmp_path: Path) -> None:
    inputs = models.batch(family)
    labels = torch.tensor([0, 1]) if family == "bert" else inputs["input_ids"]
    rows = Dataset.from_dict({name: t.tolist() for name, t in (inputs | {"labels": labels}).items()})

    def train(model: PreTrainedModel, resume: str | None = None) -> PreTrainedModel:
        arguments = TrainingArguments(
            output_dir=str(tmp_path),
            max_steps=2,
            save_steps=1,
            learning_rate=0.1,
            per_device_train_batch_size=2,
            report_to="none",
            use_cpu=True,
            disable_tqdm=True,
        )
        Trainer(model, arguments, train_dataset=rows).train(resume_from_checkpoint=resume)
        return model

    once, started = train(models.grown(family, spec)), other(family, spec)
    resumed = train(started, str(tmp_path / "checkpoint-1"))
    expected = once.state_dict()
    assert not torch.equal(once.eval()(**inputs).logits, models.grown(family, spec)(**inputs).logits)
    for name, value in resumed.state_dict().items():
        assert torch.equal(value, expected[name]), name
