"""What methods add to the training loss, against the formulas; and that the others are left alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from datasets import Dataset
from models import GROWN, REFUSED, batch, grown, stir, tiny
from test_loss import ROWS
from test_train import COMMON, rows
from torch import nn
from torch.distributions import Categorical, kl_divergence
from transformers import PreTrainedModel, Trainer, TrainingArguments

from pelt_core.attachment import activate, attach, attached
from pelt_core.data.batches import collate
from pelt_core.loss import answer_logits, answer_tokens, token_losses
from pelt_core.objective import divergence, penalty, text_losses, total_loss, training_losses
from pelt_core.train import fit
from pelt_core.unpadding import unpadded

BATCH = collate(ROWS)


def ready(method: str) -> PreTrainedModel:
    model = tiny("llama")
    attach(model, method)
    stir(model)
    return model.train()


@pytest.mark.parametrize("method", [None, "lora(dropout=0.2)@q,v", "full"])
def test_most_methods_are_trained_on_the_loss_of_the_answer_alone(method: str | None) -> None:
    model = ready(method) if method else tiny("llama")
    torch.manual_seed(0)
    expected = token_losses(model, **BATCH)
    torch.manual_seed(0)
    assert torch.equal(training_losses(model, **BATCH), expected)


def test_penalties_of_the_methods_that_act_are_added() -> None:
    model = ready("diff(l0=0.01)@q,v")
    grafts = attached(model).all_grafts()
    attach(model, "lora@q", name="other")
    activate(model, "other")
    assert torch.equal(training_losses(model, **BATCH), token_losses(model, **BATCH))
    activate(model, "default", "other")
    torch.manual_seed(0)
    expected = token_losses(model, **BATCH).mean()
    torch.manual_seed(0)
    penalty = 0.01 * sum(graft.delta.a.sigmoid().sum() for graft in grafts)
    assert len(grafts) == 4 and penalty > 20
    torch.testing.assert_close(training_losses(model, **BATCH).mean() - expected, penalty)


def test_a_compiled_model_s_loss_has_them_too() -> None:
    model = ready("diff(l0=0.01)@q,v")
    compiled = torch.compile(model, backend="eager")
    assert penalty(model) > 0 and torch.equal(penalty(compiled), penalty(model))
    found = total_loss(compiled, lambda: (torch.zeros(()), torch.zeros(1, 2)))
    assert torch.equal(found, penalty(model))


def test_two_draws_of_a_routing_method_shall_agree() -> None:
    model = ready("adamix(experts=3,bottleneck=6)@attn,mlp")
    torch.manual_seed(0)
    one, other = (answer_logits(model, **BATCH) for _ in range(2))
    p, q = Categorical(logits=one), Categorical(logits=other)
    consistency = (kl_divergence(p, q) + kl_divergence(q, p)) / 2
    assert (consistency > 1e-7).all()
    torch.manual_seed(0)
    found = training_losses(model, **BATCH)
    expected = F.cross_entropy(one, answer_tokens(BATCH["labels"]), reduction="none") + consistency
    torch.testing.assert_close(found, expected)
    trained = list(attached(model).parameters())
    gradients = [torch.autograd.grad(losses.sum(), trained) for losses in (found, expected)]
    torch.testing.assert_close(*gradients, atol=1e-5, rtol=1e-4)


def texts() -> dict[str, torch.Tensor]:
    return collate([{"input_ids": row["input_ids"], "label": i} for i, row in enumerate(ROWS)])


def test_a_classifier_is_trained_on_the_cross_entropy_of_each_text() -> None:
    model, inputs = grown("bert", "lora@q,v").train(), texts()
    torch.manual_seed(0)
    found = text_losses(model, **inputs)
    torch.manual_seed(0)
    assert found.shape == (3,) and found.dtype is torch.float32
    torch.testing.assert_close(found.mean(), model(**inputs).loss)
    assert text_losses(model.bfloat16(), **inputs).dtype is torch.float32


def test_a_single_output_is_trained_on_its_squared_error() -> None:
    model, inputs = grown("bert", "lora@q,v"), texts() | {"labels": torch.tensor([0.5, -1.0, 2.0])}
    model.classifier = nn.Linear(model.config.hidden_size, 1)
    logits = model(inputs["input_ids"], inputs["attention_mask"]).logits
    torch.testing.assert_close(text_losses(model, **inputs), (logits[:, 0] - inputs["labels"]) ** 2)


def test_texts_too_get_what_a_method_adds() -> None:
    model, inputs = grown("bert", "adamix(experts=3,bottleneck=6)@mlp+diff(l0=0.01)@q").train(), texts()
    torch.manual_seed(0)
    found = text_losses(model, **inputs)
    torch.manual_seed(0)
    one, other = (model(inputs["input_ids"], inputs["attention_mask"]).logits for _ in range(2))
    expected = F.cross_entropy(one, inputs["labels"], reduction="none") + divergence(one, other) + penalty(model)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("spec", [*GROWN, "full", "head"])
def test_nothing_is_read_from_the_device(spec: str) -> None:
    """On the device `meta` is nothing that could be read; what tells of the rows is on the CPU."""
    family = "bert" if "llama" in REFUSED.get(spec, ()) else "llama"
    model = grown(family, spec).train().to("meta")
    inputs, losses = (BATCH, training_losses) if family == "llama" else (texts(), text_losses)
    with unpadded(model):
        found = losses(model, **inputs)
        found.mean().backward()
    assert found.is_meta and all(p.grad is not None for p in model.parameters() if p.requires_grad)


def test_the_divergence_is_symmetric_and_none_of_the_same() -> None:
    p, q = torch.randn(2, 5, 7)
    assert not divergence(p, p + 3).abs().gt(1e-6).any()
    torch.testing.assert_close(divergence(p, q), divergence(q, p))
    both = [Categorical(logits=logits) for logits in (p, q)]
    torch.testing.assert_close(divergence(p, q), (kl_divergence(*both) + kl_divergence(*both[::-1])) / 2)


def supervised(family: str, method: str) -> tuple[PreTrainedModel, Callable[[], tuple[torch.Tensor, torch.Tensor]]]:
    """A model that is given labels, and its loss on a batch with the logits that the loss is of."""
    model, inputs = grown(family, method).train(), batch(family)
    labels = inputs.pop("decoder_input_ids", torch.tensor([0, 2]))

    def forward() -> tuple[torch.Tensor, torch.Tensor]:
        outputs = model(**inputs, labels=labels)
        return outputs.loss, outputs.logits

    return model, forward


@pytest.mark.parametrize("family", ["bert", "t5"])
def test_any_model_and_task_can_be_trained_on_the_objective(family: str) -> None:
    model, forward = supervised(family, "adamix(experts=3,bottleneck=6)@mlp+diff(l0=0.01)@q")
    torch.manual_seed(0)
    (loss, one), (_, other) = forward(), forward()
    torch.manual_seed(0)
    found = total_loss(model, forward)
    assert divergence(one, other).mean() > 1e-7 and penalty(model) > 20
    torch.testing.assert_close(found, loss + divergence(one, other).mean() + penalty(model))
    found.backward()
    grafts = attached(model).grafts
    assert all(p.grad is not None for name, p in grafts.named_parameters() if "_q_diff" in name)
    assert torch.equal(total_loss(model.eval(), forward), forward()[0])


def test_methods_that_add_nothing_are_run_once_and_left_alone() -> None:
    model, forward = supervised("bert", "lora@q")
    calls: list[torch.Tensor] = []

    def counted() -> tuple[torch.Tensor, torch.Tensor]:
        loss, logits = forward()
        calls.append(loss)
        return loss, logits

    assert torch.equal(total_loss(model, counted), calls[0]) and len(calls) == 1
    assert penalty(model) == 0 == penalty(tiny("bert"))


class Tuner(Trainer):
    """The `Trainer` of the example in `total_loss`."""

    loss_is_scaled_for_ga = False

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **kwargs: Any) -> Any:
        if return_outputs:
            return super().compute_loss(model, inputs, return_outputs, **kwargs)
        return total_loss(model, lambda: model(**inputs)[:2])


def test_a_trainer_lets_go_of_entries_under_the_penalty(tmp_path: Path) -> None:
    data = Dataset.from_dict(
        {name: t.tolist() for name, t in (batch("bert") | {"labels": torch.tensor([0, 2])}).items()}
    )
    left = []
    for l0 in ("0", "0.1"):
        model = tiny("bert")
        attach(model, f"diff(l0={l0})@q,v")
        arguments = TrainingArguments(
            output_dir=str(tmp_path),
            max_steps=30,
            learning_rate=0.5,
            save_strategy="no",
            report_to="none",
            use_cpu=True,
            disable_tqdm=True,
        )
        trainer = Tuner(model, arguments, train_dataset=data, eval_dataset=data)
        trainer.train()
        assert trainer.evaluate()["eval_loss"] < 10
        left.append(sum(int((graft.delta.weight() != 0).sum()) for graft in attached(model).all_grafts()))
    assert left[1] < 0.2 * left[0]


class Decay:
    """A penalty on `B` that does not draw at random."""

    def __init__(self, B: nn.Parameter) -> None:
        self.B = B

    def __call__(self) -> torch.Tensor:
        return 10 * self.B.square().mean()


def test_a_penalty_counts_once_a_step_however_the_batch_is_cut(tmp_path: Path) -> None:
    curves = {}
    for size in (1, 1000):
        model = ready("lora@q,v")
        for graft in attached(model).all_grafts():
            graft.delta.penalty = Decay(graft.delta.B)
        result = fit(model, rows(8), **COMMON, micro_batch_tokens=size, workdir=tmp_path / str(size))
        curves[size] = [loss for _, loss in result.loss_curve]
    torch.testing.assert_close(curves[1], curves[1000], atol=1e-5, rtol=1e-5)
    plain = fit(ready("lora@q,v"), rows(8), **COMMON, workdir=tmp_path / "plain")
    assert 0.3 < curves[1000][0] - plain.loss_curve[0][1] < 0.5  # 10 * 0.1^2 at each of 4 sites


def test_training_under_a_penalty_lets_go_of_entries(tmp_path: Path) -> None:
    left = []
    for l0 in ("0", "0.1"):
        model = tiny("llama")
        attach(model, f"diff(l0={l0})@q,v")
        arguments = COMMON | {"epochs": 30, "learning_rate": 0.5, "weight_decay": 0.0}
        fit(model, rows(4), **arguments, workdir=tmp_path / l0)
        left.append(sum(int((graft.delta.weight() != 0).sum()) for graft in attached(model).all_grafts()))
    assert left[1] < 0.2 * left[0]
