"""Training: what changes, what is stored, and that a killed training ends where an undisturbed one does."""

import dataclasses
import json
import math
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from datasets import Dataset
from models import batch, stir, tiny
from safetensors.torch import load_file
from torch import Tensor
from transformers import PreTrainedModel, TrainerCallback, TrainingArguments

from pelt_core.attachment import attach, attached
from pelt_core.checkpoint import trained_state
from pelt_core.data.batches import IGNORED
from pelt_core.errors import PeltError
from pelt_core.train import CURVE_POINTS, NothingToTrain, TrainingResult, UnevenBatch, _result, fit

COMMON = dict(learning_rate=1e-2, epochs=2, batch_size=4, warmup=0.2, weight_decay=0.1, seed=0)
METHODS = ["lora(rank=4,dropout=0.2)@q,v", "prefix(tokens=3)+series(bottleneck=4)@mlp", "head", "full"]


def rows(number: int = 10) -> Dataset:
    """Rows of two to twelve tokens with one to three in the answer."""
    generator = torch.Generator().manual_seed(0)
    made = []
    for i in range(number):
        prompt, answer = 1 + i % 9, 1 + i % 3
        ids = torch.randint(4, 260, (prompt + answer,), generator=generator).tolist()
        made.append({"id": str(i), "input_ids": ids, "labels": [IGNORED] * prompt + ids[prompt:]})
    return Dataset.from_list(made)


def ready(method: str, family: str = "llama") -> PreTrainedModel:
    model = tiny(family)
    attach(model, method)
    return model


def copied(model: PreTrainedModel) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters()}


class Kill(TrainerCallback):
    """Stops a training dead after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == self.step:
            raise KeyboardInterrupt


def test_loss_falls_and_only_the_method_changes(tmp_path):
    model = ready("lora(rank=4)@q,v,up,down")
    before = copied(model)
    result = fit(model, rows(4), **COMMON | {"epochs": 15, "learning_rate": 0.1}, workdir=tmp_path)
    assert result.loss_curve[-1][1] < 0.95 * result.loss_curve[0][1]
    for name, p in model.named_parameters():
        assert torch.equal(p, before[name]) != p.requires_grad, name


def test_result_counts_what_was_done(tmp_path):
    data = rows()
    result = fit(ready("lora@q,v"), data, **COMMON, workdir=tmp_path)
    assert (result.status, result.steps) == ("finished", 6)  # 10 rows in batches of 4, twice
    assert [step for step, _ in result.loss_curve] == [1, 2, 3, 4, 5, 6]
    assert result.tokens == 2 * sum(map(len, data["input_ids"]))
    assert 0 < result.seconds < 600
    assert 2**25 < result.peak_memory_bytes < 2**40


def test_first_loss_is_the_mean_over_the_batch_s_answer_tokens(tmp_path):
    model, data = ready("lora@q,v"), rows(4)
    with torch.no_grad():
        each = [(model(torch.tensor([r["input_ids"]]), labels=torch.tensor([r["labels"]])).loss, r) for r in data]
    sizes = [sum(label != IGNORED for label in row["labels"]) for _, row in each]
    expected = sum(loss.item() * n for (loss, _), n in zip(each, sizes, strict=True)) / sum(sizes)
    result = fit(model, data, **COMMON, workdir=tmp_path)
    assert result.loss_curve[0][1] == pytest.approx(expected, rel=1e-5)


def test_micro_batches_change_rounding_only(tmp_path):
    curves, shapes = [], []
    for size in (1, 1000):
        model = ready("lora@q,v")
        model.register_forward_pre_hook(
            lambda m, args, kwargs: shapes.append(kwargs["input_ids"].shape), with_kwargs=True
        )
        curves.append(fit(model, rows(), **COMMON, workdir=tmp_path / str(size), micro_batch_tokens=size).loss_curve)
    assert [shape[0] for shape in shapes] == [1] * 20 + [4, 4, 2, 4, 4, 2]
    assert [loss for _, loss in curves[0]] == pytest.approx([loss for _, loss in curves[1]], rel=1e-4)


class Rates(TrainerCallback):
    """Keeps the learning rate of each step."""

    def __init__(self) -> None:
        self.rates: list[float] = []

    def on_step_begin(self, args, state, control, optimizer, **kwargs):
        self.rates.append(optimizer.param_groups[0]["lr"])


def test_rate_rises_over_the_warm_up_and_falls_to_zero(tmp_path):
    seen = Rates()
    fit(ready("lora@q,v"), rows(40), **COMMON | {"epochs": 1}, workdir=tmp_path, callbacks=[seen])  # 10 steps
    expected = [0, 0.5, *(1 - i / 8 for i in range(8))]  # 2 of them warm-up
    assert seen.rates == pytest.approx([1e-2 * share for share in expected])


def test_losses_are_read_every_ten_steps_before_a_checkpoint_and_at_the_end(tmp_path):
    fit(ready("lora@q,v"), rows(4), **COMMON | {"epochs": 27}, workdir=tmp_path, save_every=13)
    state = json.loads((tmp_path / "checkpoint-27" / "trainer_state.json").read_text())
    assert [(record["step"], len(record["losses"])) for record in state["log_history"]] == [
        *((10, 10), (13, 3)),
        *((20, 7), (26, 6), (27, 1)),
    ]


class Stop(TrainerCallback):
    """Asks for the end after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args, state, control, **kwargs):
        control.should_training_stop |= state.global_step == self.step


def test_a_callback_may_end_the_training(tmp_path):
    result = fit(ready("lora@q,v"), rows(), **COMMON, workdir=tmp_path, callbacks=[Stop(2)])
    assert (result.status, result.steps, len(result.loss_curve)) == ("finished", 2, 2)


class Generate(TrainerCallback):
    """Has the model answer after each step."""

    def __init__(self) -> None:
        self.answers: list[Tensor] = []

    def on_step_end(self, args, state, control, model, **kwargs):
        self.answers.append(model.eval().generate(**batch("llama"), max_new_tokens=2, do_sample=False))


def test_a_callback_may_evaluate_the_model(tmp_path):
    model, each = ready("prefix(tokens=3)"), Generate()
    result = fit(model, rows(4), **COMMON | {"epochs": 3}, workdir=tmp_path / "a", callbacks=[each])
    undisturbed = fit(ready("prefix(tokens=3)"), rows(4), **COMMON | {"epochs": 3}, workdir=tmp_path / "b")
    assert [answer.shape for answer in each.answers] == [(2, 9)] * 3
    assert result.loss_curve == undisturbed.loss_curve


def test_same_seed_same_weights_and_another_seed_other_ones(tmp_path):
    models = {}
    for run, seed in (("a", 0), ("b", 0), ("c", 1)):
        models[run] = ready("lora(dropout=0.2)@q,v")
        fit(models[run], rows(), **COMMON | {"seed": seed}, workdir=tmp_path / run)
    states = {run: trained_state(model) for run, model in models.items()}
    assert all(torch.equal(t, states["b"][name]) for name, t in states["a"].items())
    assert any(not torch.equal(t, states["c"][name]) for name, t in states["a"].items())


@pytest.mark.parametrize(
    ("method", "step"),  # epochs end at 3 and 6, checkpoints are made at 2, 4 and 6
    [*((METHODS[0], step) for step in (1, 2, 3, 5)), *((method, 5) for method in METHODS[1:])],
)
def test_a_killed_training_ends_in_the_same_weights(method, step, tmp_path):
    undisturbed, killed, resumed = (ready(method) for _ in range(3))
    straight = fit(undisturbed, rows(), **COMMON, workdir=tmp_path / "a", save_every=2)
    with pytest.raises(KeyboardInterrupt):
        fit(killed, rows(), **COMMON, workdir=tmp_path / "b", save_every=2, callbacks=[Kill(step)])
    if step > 2:
        stir(resumed)  # all that counts is in the checkpoint
    torch.manual_seed(1234)
    again = fit(resumed, rows(), **COMMON, workdir=tmp_path / "b", save_every=2)
    for name, t in trained_state(undisturbed).items():
        assert torch.equal(t, trained_state(resumed)[name]), name
    assert (again.loss_curve, again.tokens) == (straight.loss_curve, straight.tokens)


def test_a_checkpoint_cut_short_is_passed_over(tmp_path):
    undisturbed, resumed = ready("lora@q,v"), ready("lora@q,v")
    fit(undisturbed, rows(), **COMMON, workdir=tmp_path, save_every=2)
    (tmp_path / "checkpoint-6" / "complete").unlink()
    (tmp_path / "checkpoint-6" / "trainer_state.json").write_text('{"log_hist')
    fit(resumed, rows(), **COMMON, workdir=tmp_path, save_every=2)
    for name, t in trained_state(undisturbed).items():
        assert torch.equal(t, trained_state(resumed)[name]), name


def test_a_finished_training_is_not_repeated(tmp_path):
    first = fit(ready("lora@q,v"), rows(), **COMMON, workdir=tmp_path)
    model = ready("lora@q,v")
    again = fit(model, rows(), **COMMON, workdir=tmp_path, callbacks=[Kill(step) for step in range(7)])
    assert dataclasses.replace(again, peak_memory_bytes=0) == dataclasses.replace(first, peak_memory_bytes=0)
    stored = load_file(tmp_path / "checkpoint-6" / "trained.safetensors")
    assert all(torch.equal(t, stored[name]) for name, t in trained_state(model).items())


@pytest.mark.parametrize(
    ("family", "method"),  # gpt2's head is its embedding
    [*(("llama", method) for method in METHODS[:2]), *(("gpt2", method) for method in METHODS[2:])],
)
def test_checkpoints_hold_the_trained_tensors_and_each_once(family, method, tmp_path):
    model = ready(method, family)
    fit(model, rows(), **COMMON, workdir=tmp_path)
    stored = load_file(tmp_path / "checkpoint-6" / "trained.safetensors")
    assert stored.keys() == {name for name, p in model.named_parameters() if p.requires_grad}
    assert not list(tmp_path.glob("**/model.safetensors"))


def test_a_diverged_training_is_a_result_and_not_an_exception(tmp_path):
    model = ready("lora@q,v")
    result = fit(model, rows(), **COMMON | {"learning_rate": 1e30, "warmup": 0}, workdir=tmp_path)
    assert result.status == "diverged"
    assert 2 <= result.steps < 6
    assert result.loss_curve[-1][0] == result.steps and not math.isfinite(result.loss_curve[-1][1])
    assert not model.training


def test_a_gradient_that_is_not_finite_is_divergence_even_in_the_last_step(tmp_path):
    model = ready("lora@q,v")
    weight = attached(model).grafts["0_q_lora"].delta.B
    weight.register_hook(lambda gradient: gradient * math.inf)
    result = fit(model, rows(4), **COMMON | {"epochs": 1}, workdir=tmp_path)
    assert (result.status, result.steps) == ("diverged", 1)
    assert math.isfinite(result.loss_curve[0][1])


def test_long_curves_are_thinned_and_keep_their_end():
    record = {"grad_norm": 1.0, "tokens": 22, "seconds": 5.5}
    result = _result([record | {"losses": [1 / step for step in range(i + 1, i + 12)]} for i in range(0, 4499, 11)])
    steps = [step for step, _ in result.loss_curve]
    assert isinstance(result, TrainingResult)
    assert len(steps) <= CURVE_POINTS and steps[-1] == 4499 and {b - a for a, b in pairwise(steps)} == {3}
    assert all(loss == 1 / step for step, loss in result.loss_curve)
    assert (result.steps, result.tokens, result.seconds) == (4499, 8998, 2249.5)


def test_leaves_the_model_as_found_but_for_the_weights(tmp_path, capfd):
    model = ready("lora(dropout=0.5)@q,v").train()
    model.config.use_cache = True
    fit(model, rows(), **COMMON, workdir=tmp_path)
    assert not any(module.training for module in model.modules())
    assert model.config.use_cache is True
    assert all(p.grad is None for p in model.parameters())
    assert capfd.readouterr() == ("", "")


def test_dropout_is_on_while_training_only(tmp_path):
    model, modes = ready("lora(dropout=0.5)@q,v"), []
    attached(model).grafts["0_q_lora"].register_forward_hook(lambda graft, args, out: modes.append(graft.training))
    fit(model, rows(), **COMMON, workdir=tmp_path)
    assert set(modes) == {True}
    modes.clear()
    model(torch.tensor([[5, 6]]))
    assert set(modes) == {False}


def test_a_bf16_backbone_trains_fp32_modules(tmp_path):
    model = tiny("llama").to(torch.bfloat16)
    attach(model, "lora(rank=4)@q,v+prefix(tokens=2)")
    result = fit(model, rows(4), **COMMON | {"epochs": 6}, workdir=tmp_path)
    assert result.loss_curve[-1][1] < result.loss_curve[0][1]
    assert {p.dtype for p in model.pelt.parameters()} == {torch.float32}
    assert {p.dtype for name, p in model.named_parameters() if not name.startswith("pelt")} == {torch.bfloat16}


def test_says_when_there_is_nothing_to_train(tmp_path):
    with pytest.raises(NothingToTrain, match="attach"):
        fit(ready("none"), rows(), **COMMON, workdir=tmp_path)
    with pytest.raises(PeltError, match="no row"):
        fit(ready("lora@q,v"), rows().select([]), **COMMON, workdir=tmp_path)


def test_two_processes_train_as_one(tmp_path):
    script = Path(__file__).with_name("distributed_fit.py")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    made = subprocess.run([*command, str(tmp_path / "two")], capture_output=True, text=True, timeout=900)
    assert made.returncode == 0, made.stderr
    two = json.loads(made.stdout)
    one = fit(ready("lora@q,v"), rows(16), **COMMON, workdir=tmp_path / "one")
    assert (two["status"], two["steps"], two["tokens"]) == (one.status, one.steps, one.tokens)
    assert [loss for _, loss in two["loss_curve"]] == pytest.approx([loss for _, loss in one.loss_curve], rel=1e-4)


def test_processes_share_a_batch_evenly_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr(TrainingArguments, "world_size", 3)
    with pytest.raises(UnevenBatch, match="4 rows .* 3 processes"):
        fit(ready("lora@q,v"), rows(), **COMMON, workdir=tmp_path)
