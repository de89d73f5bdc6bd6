"""One optimiser step of `pelt_core.train.fit` a turn, each turn with a method and rows of its own."""

from __future__ import annotations

import ctypes
import gc
import json
import sys
import tempfile
from pathlib import Path

from datasets import Dataset

from benchmarks.contenders.turns import Turns, trainable
from pelt_core import attach, detach
from pelt_core.backbones import load_model
from pelt_core.precision import fast_fp32
from pelt_core.train import fit


def main() -> None:
    """Attaches, trains for one step and detaches, until there are no more turns."""
    turns = Turns()
    fast_fp32()
    model = load_model(turns.settings["folder"])
    turns.say()
    while True:
        turn = turns.wait()
        rows = json.loads(Path(turn["rows"]).read_text())
        attach(model, turn["method"], seed=0)
        trained = trainable(model)
        _give_memory_back()
        with tempfile.TemporaryDirectory() as workdir:
            result = fit(
                model,
                Dataset.from_list(rows),
                learning_rate=1e-3,
                epochs=1,
                batch_size=len(rows),
                warmup=0,
                weight_decay=0.0,
                seed=0,
                workdir=workdir,
                **turn["also"],
            )
        detach(model)
        turns.say(
            seconds=result.seconds,
            work=result.tokens,
            peak_memory_bytes=result.peak_memory_bytes,
            trainable_parameters=trained,
        )


def _give_memory_back() -> None:
    """So that a turn's peak is its own: what the turn before it freed goes back to the system."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL("libc.so.6").malloc_trim(0)


if __name__ == "__main__":
    main()
