"""Training: a thin layer over `transformers.Trainer` that computes and stores no more than it must."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from pelt_core.checkpoint import load_trained_state, trained_state
from pelt_core.data.batches import collate
from pelt_core.errors import PeltError
from pelt_core.loss import predicted_positions
from pelt_core.objective import training_losses
from pelt_core.quiet import errors_only

CURVE_POINTS = 2000
_WEIGHTS, _COMPLETE = "trained.safetensors", "complete"
_LINUX = Path("/proc/self")


class NothingToTrain(PeltError, ValueError):
    """No parameter requires a gradient, or there is no row."""


class UnevenBatch(PeltError, ValueError):
    """A batch that the processes of a distributed training cannot share evenly."""


@dataclass(frozen=True)
class TrainingResult:
    """What a training leaves behind, beside the trained model.

    Attributes:
        status: "finished"; or "diverged", if the loss or its gradient ceased to be finite.
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
    micro_batch: int = 1,
    save_every: int = 100,
    callbacks: Sequence[TrainerCallback] = (),
) -> TrainingResult:
    """Trains every parameter of `model` that requires a gradient on the answers of `rows`; leaves it in eval mode.

    AdamW; a rate that rises linearly in the warm-up and then falls linearly to zero; gradients clipped to norm 1.
    The loss of a batch is the mean over its answer tokens, `L = sum_t -log p(y_t | y_<t) / number of answer tokens`,
    however it is cut into micro-batches; some methods add to it, see `pelt_core.objective`. A training that was killed
    goes on from the last checkpoint in `workdir` and ends in the same weights bit for bit.

    Args:
        model: a causal language model, see `pelt_core.attach`.
        rows: columns `input_ids` and `labels` (-100 where there is no loss), see `pelt_core.data.batches.encode`.
        learning_rate: the peak rate.
        epochs: passes over the rows, each in an order of its own.
        batch_size: rows in an optimiser step, of all processes together if it is distributed (see torchrun).
        warmup: below 1 a fraction of all steps, otherwise a number of steps.
        weight_decay: decoupled, and not on biases and norms.
        seed: for the order of the rows and for dropout.
        workdir: holds the checkpoints, of this training alone.
        micro_batch: rows computed at once, similar in length. One row needs no padding, which is best on a CPU.
        save_every: steps from checkpoint to checkpoint.
        callbacks: are told of each step, see `transformers.TrainerCallback`.

    Raises:
        NothingToTrain: no parameter requires a gradient, or there is no row.
        UnevenBatch: the training is distributed over processes whose number does not divide the batch size.

    """
    if not any(p.requires_grad for p in model.parameters()):
        raise NothingToTrain('no parameter requires a gradient: attach(model, "lora@q,v") first, or unfreeze some')
    if not len(rows):
        raise NothingToTrain("there is no row to train on")
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
        logging_steps=1,
        logging_nan_inf_filter=False,
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
        ddp_find_unused_parameters=False,
        use_cache=model.config.use_cache,
        use_cpu=not torch.accelerator.is_available(),
        disable_tqdm=True,
        report_to="none",
    )
    _forget_peak()
    if batch_size % arguments.world_size:
        raise UnevenBatch(f"{batch_size} rows a step cannot be shared evenly by {arguments.world_size} processes")
    arguments.per_device_train_batch_size = batch_size // arguments.world_size
    arguments._n_gpu = min(arguments.n_gpu, 1)  # two devices in one process would double the batch
    with errors_only():
        trainer = AnswerTrainer(
            model,
            arguments,
            data_collator=_MicroBatches(micro_batch),
            train_dataset=rows,
            callbacks=[*callbacks, _Bar()] if sys.stderr.isatty() else list(callbacks),
        )
        trainer.remove_callback(PrinterCallback)
        try:
            trainer.train(resume_from_checkpoint=_last_checkpoint(Path(workdir)))
        finally:
            model.eval()
            model.zero_grad()
    return _result(trainer.history)


class AnswerTrainer(Trainer):
    """A `Trainer` whose loss is the answer's, and whose checkpoints hold the trained tensors, each once."""

    def training_step(
        self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        """The gradient and the value of one batch's loss, a micro-batch at a time."""
        self._started = getattr(self, "_started", time.perf_counter())
        model.train()
        parts = self._prepare_inputs(inputs)["micro_batches"]
        counts = [[predicted_positions(part["labels"]).sum(), part["attention_mask"].sum()] for part in parts]
        answers, self._tokens = self.accelerator.reduce(torch.tensor(counts).sum(0).to(self.args.device)).tolist()
        # Data parallelism averages the gradients of its ranks, so each rank's share is scaled up by their number.
        share = self.accelerator.num_processes / answers
        total = torch.zeros((), device=self.args.device)
        for part in parts:
            loss = training_losses(model, **part).sum() * share
            self.accelerator.backward(loss)
            total += loss.detach()
        return total

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Keeps a step's record in the state that checkpoints carry; ends the training if it has diverged."""
        if "loss" not in logs:
            return
        seconds, self._started = time.perf_counter() - self._started, time.perf_counter()
        super().log({**logs, "tokens": self._tokens, "seconds": seconds}, start_time)
        self.control.should_training_stop |= not _finite(logs)

    @property
    def history(self) -> list[dict[str, float]]:
        """One record for each optimiser step, those before an interruption included."""
        return self.state.log_history

    def floating_point_ops(self, inputs: Any) -> int:
        """Not counted: the estimate in `transformers` knows nothing of frozen parameters."""
        return 0

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Tensor] | None = None) -> None:
        assert output_dir is not None and isinstance(self.model, PreTrainedModel)
        folder = Path(output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: t.contiguous() for name, t in trained_state(self.model).items()}, folder / _WEIGHTS)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        assert isinstance(self.model, PreTrainedModel)
        load_trained_state(self.model, load_file(Path(resume_from_checkpoint, _WEIGHTS)))

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        self.accelerator.wait_for_everyone()
        assert self.args.output_dir is not None
        Path(self.args.output_dir, f"checkpoint-{self.state.global_step}", _COMPLETE).touch()


@dataclass(frozen=True)
class _MicroBatches:
    """Rows -> micro-batches of rows of similar length."""

    size: int

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Tensor]]]:
        rows = sorted(rows, key=lambda row: len(row["input_ids"]))
        return {"micro_batches": [collate(rows[i : i + self.size]) for i in range(0, len(rows), self.size)]}


class _Bar(ProgressCallback):
    """A progress bar that shows the loss instead of printing it."""

    def on_log(self, *args: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        """Writes the loss behind the bar."""
        if self.training_bar is not None and logs and "loss" in logs:
            self.training_bar.set_postfix(loss=f"{logs['loss']:.3f}")


def _last_checkpoint(workdir: Path) -> str | None:
    """The newest checkpoint that was not cut short by a kill."""
    found = [mark.parent for mark in workdir.glob(f"checkpoint-*/{_COMPLETE}")]
    return str(max(found, key=lambda folder: int(folder.name.split("-")[1]))) if found else None


def _finite(record: dict[str, float]) -> bool:
    return math.isfinite(record["loss"]) and math.isfinite(record["grad_norm"])


def _result(history: list[dict[str, float]]) -> TrainingResult:
    curve = [(int(record["step"]), record["loss"]) for record in history]
    diverged = next((int(record["step"]) for record in history if not _finite(record)), None)
    stride = -(-len(curve) // CURVE_POINTS)
    return TrainingResult(
        status="diverged" if diverged else "finished",
        steps=diverged or curve[-1][0],
        loss_curve=curve[::-stride][::-1],
        tokens=int(sum(record["tokens"] for record in history)),
        seconds=sum(record["seconds"] for record in history),
        peak_memory_bytes=_peak_memory(),
    )


def _forget_peak() -> None:
    """Starts the measurement of the peak anew, as a worker carries out many runs in one process."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    elif _LINUX.exists():
        (_LINUX / "clear_refs").write_text("5")


def _peak_memory() -> int:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    if _LINUX.exists():
        peak = next(line for line in (_LINUX / "status").read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) * 1024
    import resource  # not there on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
