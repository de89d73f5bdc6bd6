"""Training by `pelt_core.train.fit`, a turn at a time."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from datasets import Dataset

from benchmarks.contenders.turns import DTYPES, TakesTurns, Turns, trainable
from pelt_core.attachment import attach
from pelt_core.backbones import load_model
from pelt_core.precision import cast_backbone, fast_fp32
from pelt_core.train import fit


def main() -> None:
    """Attaches as a study does, and trains until there are no more turns."""
    turns = Turns()
    asked = turns.settings
    fast_fp32()
    model = load_model(asked["folder"], task=asked["task"])
    attach(model, asked["method"], seed=asked["seed"])
    cast_backbone(model, DTYPES[asked["precision"]])
    rows = Dataset.from_list(json.loads(Path(asked["rows"]).read_text()))
    turns.say(trainable_parameters=trainable(model))
    with tempfile.TemporaryDirectory() as workdir:
        fit(
            model,
            rows,
            learning_rate=asked["learning_rate"],
            epochs=1,
            batch_size=asked["batch_size"],
            warmup=0,
            weight_decay=0.0,
            seed=asked["seed"],
            workdir=workdir,
            callbacks=[TakesTurns(turns, asked["steps"])],
        )


if __name__ == "__main__":
    main()
