"""Training as the users of `peft` and `adapters` do it: a `Trainer`, and batches padded to their longest row."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import Trainer, TrainingArguments
from transformers.utils import logging

from benchmarks.contenders.peers import build
from benchmarks.contenders.turns import TakesTurns, Turns, trainable


def main() -> None:
    """Trains until there are no more turns."""
    logging.set_verbosity_error()
    turns = Turns()
    asked = turns.settings
    model = build(asked)
    model.config.use_cache = False
    turns.say(trainable_parameters=trainable(model))
    with tempfile.TemporaryDirectory() as workdir:
        arguments = TrainingArguments(
            output_dir=workdir,
            learning_rate=asked["learning_rate"],
            num_train_epochs=1,
            per_device_train_batch_size=asked["batch_size"],
            lr_scheduler_type="linear",
            weight_decay=0.0,
            max_grad_norm=1.0,
            seed=asked["seed"],
            data_seed=asked["seed"],
            bf16=asked["precision"] == "bf16",
            optim="adamw_torch_fused",
            logging_steps=1,
            logging_nan_inf_filter=False,
            save_strategy="no",
            remove_unused_columns=False,
            dataloader_pin_memory=False,
            use_cpu=True,
            disable_tqdm=True,
            report_to="none",
        )
        trainer = _counting(_trainer_of(asked["library"]))(
            model,
            arguments,
            data_collator=padded,
            train_dataset=json.loads(Path(asked["rows"]).read_text()),
            callbacks=[TakesTurns(turns, asked["steps"])],
        )
        trainer.train()


def padded(rows: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
    """Rows -> a batch padded on the right to its longest row, as `DataCollatorForSeq2Seq` does."""
    ids = [torch.tensor(row["input_ids"]) for row in rows]
    batch = {"input_ids": pad_sequence(ids, batch_first=True)}
    batch["attention_mask"] = pad_sequence([torch.ones_like(row) for row in ids], batch_first=True)
    if "label" in rows[0]:
        return batch | {"labels": torch.tensor([row["label"] for row in rows])}
    labels = [torch.tensor(row["labels"]) for row in rows]
    return batch | {"labels": pad_sequence(labels, batch_first=True, padding_value=-100)}


def _trainer_of(library: str) -> type[Trainer]:
    if library != "adapters":
        return Trainer
    from adapters import AdapterTrainer

    return AdapterTrainer


def _counting(base: type[Trainer]) -> type[Trainer]:
    class Counting(base):  # type: ignore[misc,valid-type]
        """Logs the loss unrounded, and how many tokens of the batch are no padding."""

        def training_step(self, model: Any, inputs: dict[str, Tensor], *args: Any, **kwargs: Any) -> Tensor:
            self.batch_tokens = int(inputs["attention_mask"].sum())
            self.batch_loss = super().training_step(model, inputs, *args, **kwargs)
            return self.batch_loss

        def log(self, logs: dict[str, Any], *args: Any, **kwargs: Any) -> None:
            if "loss" in logs:
                logs |= {"losses": [self.batch_loss.item()], "tokens": self.batch_tokens}
            super().log(logs, *args, **kwargs)

    return Counting


if __name__ == "__main__":
    main()
