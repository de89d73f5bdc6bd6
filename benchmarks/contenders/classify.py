"""A classifier of few examples under one method: it is trained as a study trains it, or reads texts, turn by turn.

What a method needs in training only is folded away before it reads, as one would before using it.
"""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from datasets import Dataset
from transformers import PreTrainedModel

from benchmarks.contenders.turns import TakesTurns, Turns, forget_peak, peak_memory, trainable
from pelt_core import attach
from pelt_core.backbones import load_classifier
from pelt_core.classify import logits
from pelt_core.drawing import drawn_from
from pelt_core.folding import FoldError, fold
from pelt_core.precision import fast_fp32
from pelt_core.train import fit


def main() -> None:
    """Attaches as a study does, and works until there are no more turns."""
    turns = Turns()
    asked = turns.settings
    fast_fp32()
    with drawn_from(0):
        model = load_classifier(asked["backbone"], "mean", asked["labels"])
    attach(model, asked["method"], seed=0)
    rows = Dataset.from_list(json.loads(Path(asked["rows"]).read_text())[: asked["number"]])
    if asked["work"] == "inference":
        with suppress(FoldError):
            fold(model)
    turns.say(trainable_parameters=trainable(model), head_parameters=trainable(model.classifier))
    (_train if asked["work"] == "training" else _read)(model, rows, turns)


def _train(model: PreTrainedModel, rows: Dataset, turns: Turns) -> None:
    with tempfile.TemporaryDirectory() as workdir:
        fit(
            model,
            rows,
            learning_rate=1e-4,
            head_learning_rate=1e-3,
            epochs=1,
            batch_size=turns.settings["batch_size"],
            warmup=0,
            weight_decay=0.0,
            seed=0,
            workdir=workdir,
            callbacks=[TakesTurns(turns, turns.settings["steps"])],
        )


def _read(model: PreTrainedModel, rows: Dataset, turns: Turns) -> None:
    while True:
        turns.wait()
        forget_peak()
        started = time.perf_counter()
        logits(model, rows)
        turns.say(seconds=time.perf_counter() - started, work=len(rows), peak_memory_bytes=peak_memory())


if __name__ == "__main__":
    main()
