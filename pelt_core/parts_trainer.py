"""A `transformers.Trainer` that computes a batch part by part and keeps no more than is trained."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel, Trainer

from pelt_core.checkpoint import load_trained_state, trained_state
from pelt_core.in_place import head_parameters
from pelt_core.loss import bare
from pelt_core.micro_batches import Step
from pelt_core.objective import text_losses, training_losses
from pelt_core.unpadding import can_unpad, unpadded

COMPLETE = "complete"
"""The file in a checkpoint that says that all of it was written."""
_WEIGHTS = "trained.safetensors"


class PartsTrainer(Trainer):
    """A `Trainer` whose checkpoints hold the trained tensors, each once.

    Attributes:
        head_learning_rate: of a task's head; that of everything else unless given.

    """

    def __init__(self, model: PreTrainedModel, *args: Any, **kwargs: Any) -> None:
        with _as_unquantised(model):
            super().__init__(model, *args, **kwargs)
        self._losses: Callable[..., Tensor] = training_losses if model.get_output_embeddings() else text_losses
        self._unpads = can_unpad(model)
        # These tell where the rows are and what they share, for which they need not be on the GPU.
        self._on_cpu = {"labels", "attention_mask", "input_ids"} if self._unpads else {"labels"}
        self._unread: list[tuple[Tensor, Tensor]] = []  # loss and tokens of each step since the last record
        self._started: float | None = None
        self.head_learning_rate: float | None = None

    def create_optimizer(self, *args: Any) -> torch.optim.Optimizer:
        """AdamW, with groups of their own for the head's parameters if it has a rate of its own."""
        optimizer: torch.optim.Optimizer = super().create_optimizer(*args)
        if self.head_learning_rate is None:
            return optimizer
        assert isinstance(self.model, PreTrainedModel)
        head = {id(self.model.get_parameter(name)) for name in head_parameters(self.model)}
        for group in list(optimizer.param_groups):
            own = [p for p in group["params"] if id(p) in head]
            group["params"] = [p for p in group["params"] if id(p) not in head]
            if own:
                optimizer.add_param_group({**group, "params": own, "lr": self.head_learning_rate})
        return optimizer

    def training_step(
        self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        """The gradient and the value of one batch's loss, a micro-batch at a time."""
        self._started = self._started or time.perf_counter()
        model.train()
        step: Step = inputs["step"]
        counts = torch.tensor([step.targets, step.tokens]).to(self.args.device, non_blocking=True)
        counts = self.accelerator.reduce(counts)
        # Data parallelism averages the gradients of its ranks, so each rank's share is scaled up by their number.
        share = self.accelerator.num_processes / counts[0]
        total = torch.zeros((), device=self.args.device)
        with unpadded(bare(model)) if self._unpads else nullcontext():  # callbacks find the model as it was
            for part in step.parts:
                loss = self._losses(model, **self._placed(part)).sum() * share
                self.accelerator.backward(loss)
                total += loss.detach()
        self._unread.append((total, counts[1]))
        return total

    def _placed(self, part: dict[str, Tensor]) -> dict[str, Tensor]:
        """The tensors where they are computed with, without waiting for it."""
        device = self.args.device
        return {name: t if name in self._on_cpu else t.to(device, non_blocking=True) for name, t in part.items()}

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Keeps the steps' record in the state that checkpoints carry; ends the training if it has diverged."""
        if "loss" not in logs:
            return
        losses, tokens = (torch.stack(column) for column in zip(*self._unread, strict=True))
        self._unread.clear()
        now = time.perf_counter()
        seconds, self._started = now - (self._started or now), now
        losses = self.accelerator.reduce(losses, "mean").tolist()
        record: dict[str, Any] = {**logs, "losses": losses, "tokens": int(tokens.sum()), "seconds": seconds}
        super().log(record, start_time)
        self.control.should_training_stop |= not all(map(math.isfinite, [*losses, logs["grad_norm"]]))

    @property
    def history(self) -> list[dict[str, Any]]:
        """Records of some optimiser steps each, those before an interruption included."""
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
        Path(self.args.output_dir, f"checkpoint-{self.state.global_step}", COMPLETE).touch()


@contextmanager
def _as_unquantised(model: Any) -> Iterator[None]:
    """Inside, a quantised `model` does not say so: `Trainer` knows PEFT's methods alone, and would refuse ours."""
    if not getattr(model, "is_quantized", False):
        yield
        return
    model.is_quantized = False
    try:
        yield
    finally:
        model.is_quantized = True
