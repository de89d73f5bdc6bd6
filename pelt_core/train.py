"""Training: a thin layer over `transformers.Trainer` that computes and stores no more than it must."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import PreTrainedModel, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from pelt_core.data.labelled import check_labelled
from pelt_core.errors import PeltError
from pelt_core.in_place import head_parameters
from pelt_core.memory import forget_peak, peak_memory
from pelt_core.micro_batches import TOKENS, MicroBatches
from pelt_core.parts_trainer import PartsTrainer
from pelt_core.quiet import errors_only
from pelt_core.ranges import too_small
from pelt_core.resuming import checkpoint_of

CURVE_POINTS = 2000
_LEAST = {
    **dict.fromkeys(("learning_rate", "head_learning_rate", "warmup", "weight_decay"), 0),
    **dict.fromkeys(("epochs", "batch_size", "micro_batch_tokens", "save_every"), 1),
}
_READ_EVERY = 10  # steps: to read a loss is to wait for the GPU


class NothingToTrain(PeltError, ValueError):
    """No parameter requires a gradient, or there is no row."""


class BadSetting(PeltError, ValueError):
    """A number that no training can be carried out with."""


class UnevenBatch(PeltError, ValueError):
    """A batch that the processes of a distributed training cannot share evenly."""


@dataclass(frozen=True)
class TrainingResult:
    """What a training leaves behind, beside the trained model.

    Attributes:
        status: "finished"; or "diverged", if the loss ceased to be finite, or in the end its gradient.
        steps: optimiser steps taken; of a diverged training, the step at which it did.
        loss_curve: (step, training loss of that step's batch) of every step, evenly thinned beyond 2,000 steps; in nats
            an answer token, and with what the method adds to it, see `pelt_core.objective`.
        tokens: tokens read in all epochs, padding not counted.
        seconds: wall time in training steps, before and after interruptions.
        peak_memory_bytes: the most that the process held in memory during the training (where the system is not
            Linux: since its start), or torch on the accelerator.

    """

    status: str
    steps: int
    loss_curve: list[tuple[int, float]]
    tokens: int
    seconds: float
    peak_memory_bytes: int


def fit(
    model: PreTrainedModel,
    rows: Dataset,
    *,
    learning_rate: float,
    epochs: int,
    batch_size: int,
    warmup: float,
    weight_decay: float,
    seed: int,
    workdir: str | Path,
    head_learning_rate: float | None = None,
    micro_batch_tokens: int = TOKENS,
    gradient_checkpointing: bool = False,
    save_every: int = 100,
    callbacks: Sequence[TrainerCallback] = (),
) -> TrainingResult:
    """Trains every parameter of `model` that requires a gradient on `rows`; leaves it in eval mode.

    AdamW; a rate that rises linearly in the warm-up and then falls linearly to zero; gradients clipped to norm 1.
    The loss of a batch is the mean over its answer tokens, `L = sum_t -log p(y_t | y_<t) / number of answer tokens`,
    or over its texts, however it is cut into micro-batches; some methods add to it, see `pelt_core.objective`. No
    padding is computed, see `pelt_core.unpadding`. A training that was killed goes on from the last checkpoint in
    `workdir` and ends in the same weights bit for bit.

    On a GPU it is the same code: put a bf16 backbone there, see `pelt_core.precision.cast_backbone`, and raise
    `micro_batch_tokens`. What is compiled beforehand stays so, best part by part, as in `layer.mlp.compile()`. This
    path is tested on a CPU alone and its speed is not known.

    Args:
        model: a causal language model or a sequence classifier, see `pelt_core.attach`.
        rows: columns `input_ids` and, for a language model, `labels` (-100 where there is no loss), see
            `pelt_core.data.batches.encode`; for a classifier, `label`, and `token_type_ids` if it reads them.
        learning_rate: the peak rate.
        epochs: passes over the rows, each in an order of its own.
        batch_size: rows in an optimiser step, of all processes together if it is distributed (see torchrun).
        warmup: below 1 a fraction of all steps, otherwise a number of steps.
        weight_decay: decoupled, and not on biases and norms.
        seed: for the order of the rows and for dropout.
        workdir: holds the checkpoints, of this training alone.
        head_learning_rate: the peak rate of a classifier's head, which starts from nothing and mostly needs another one
            than the method; `learning_rate` unless given.
        micro_batch_tokens: about how many tokens are computed at once. More need more memory, and on a CPU gain little
            speed.
        gradient_checkpointing: whether the backward pass computes the layers anew instead of keeping what they
            computed: less memory, a third more work, the same result.
        save_every: steps from checkpoint to checkpoint.
        callbacks: are told of each step, see `transformers.TrainerCallback`.

    Raises:
        NothingToTrain: no parameter requires a gradient, or there is no row; or a head's rate is given without a head.
        NothingToLearn: a row has no label, or not one for each token; names the first.
        BadSetting: a rate, a warm-up or a decay below 0, or another number below 1.
        UnevenBatch: the training is distributed over processes whose number does not divide the batch size.
        AnotherTraining: the checkpoints in `workdir` are of a training with other settings, rows or trained tensors.

    """
    if not any(p.requires_grad for p in model.parameters()):
        raise NothingToTrain('no parameter requires a gradient: attach(model, "lora@q,v") first, or unfreeze some')
    if not len(rows):
        raise NothingToTrain("there is no row to train on")
    if head_learning_rate is not None and not head_parameters(model):
        raise NothingToTrain(f"{type(model).__name__} has no task's head to train: leave head_learning_rate out")
    settings: dict[str, Any] = {
        **{"learning_rate": learning_rate, "head_learning_rate": head_learning_rate, "epochs": epochs, "seed": seed},
        **{"batch_size": batch_size, "warmup": warmup, "weight_decay": weight_decay},
    }
    given = {**settings, "micro_batch_tokens": micro_batch_tokens, "save_every": save_every}
    if wrong := too_small({**given, "head_learning_rate": head_learning_rate or 0}, _LEAST):
        raise BadSetting(f"there is no such training: {wrong}")
    check_labelled(rows, "labels" if model.get_output_embeddings() else "label")
    arguments = TrainingArguments(
        output_dir=str(workdir),
        learning_rate=learning_rate,
        num_train_epochs=epochs,
        per_device_train_batch_size=batch_size,
        lr_scheduler_type="linear",
        warmup_steps=warmup,
        weight_decay=weight_decay,
        max_grad_norm=1.0,
        seed=seed,
        data_seed=seed,
        save_steps=save_every,
        save_total_limit=2,  # the older one counts until the newer is complete
        logging_steps=_READ_EVERY,
        logging_nan_inf_filter=False,
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
        ddp_find_unused_parameters=False,
        use_cache=model.config.use_cache,
        use_cpu=not torch.accelerator.is_available(),
        disable_tqdm=True,
        report_to="none",
    )
    forget_peak()
    if batch_size % arguments.world_size:
        raise UnevenBatch(f"{batch_size} rows a step cannot be shared evenly by {arguments.world_size} processes")
    arguments.per_device_train_batch_size = batch_size // arguments.world_size
    arguments._n_gpu = min(arguments.n_gpu, 1)  # two devices in one process would double the batch
    checkpoint = checkpoint_of(Path(workdir), model, rows, settings)
    with errors_only():
        trainer = PartsTrainer(
            model,
            arguments,
            data_collator=MicroBatches(micro_batch_tokens, getattr(model.config, "pad_token_id", None) or 0),
            train_dataset=rows,
            callbacks=[*callbacks, _ReadBeforeSaving(), *([_Bar()] if sys.stderr.isatty() else [])],
        )
        trainer.head_learning_rate = head_learning_rate
        trainer.remove_callback(PrinterCallback)
        if gradient_checkpointing:
            model.activation_checkpointing_enable({"use_reentrant": False})
        try:
            trainer.train(resume_from_checkpoint=checkpoint)
        finally:
            if gradient_checkpointing:
                model.activation_checkpointing_disable()
            model.eval()
            model.zero_grad()
    return _result(trainer.history)


class _ReadBeforeSaving(TrainerCallback):
    """Has all losses read before a checkpoint is written, and at the end, which another callback may ask for."""

    def on_step_end(self, args: TrainingArguments, state: Any, control: Any, **kwargs: Any) -> None:
        """Asks for the record of the steps that have none yet."""
        control.should_log |= control.should_save or control.should_training_stop

    def on_epoch_end(self, args: TrainingArguments, state: Any, control: Any, **kwargs: Any) -> None:
        """The same, if a callback ended the training with the epoch."""
        control.should_log |= control.should_training_stop


class _Bar(ProgressCallback):
    """A progress bar that shows the loss instead of printing it."""

    def on_log(self, *args: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        """Writes the loss behind the bar."""
        if self.training_bar is not None and logs and "loss" in logs:
            self.training_bar.set_postfix(loss=f"{logs['loss']:.3f}")


def _result(history: list[dict[str, Any]]) -> TrainingResult:
    losses = [loss for record in history for loss in record["losses"]]
    diverged = next((step for step, loss in enumerate(losses, 1) if not math.isfinite(loss)), None)
    if diverged is None and not math.isfinite(history[-1]["grad_norm"]):
        diverged = len(losses)
    curve = list(enumerate(losses, 1))[:diverged]
    stride = -(-len(curve) // CURVE_POINTS)
    return TrainingResult(
        status="diverged" if diverged else "finished",
        steps=len(curve),
        loss_curve=curve[::-stride][::-1],
        tokens=sum(record["tokens"] for record in history),
        seconds=sum(record["seconds"] for record in history),
        peak_memory_bytes=peak_memory(),
    )
