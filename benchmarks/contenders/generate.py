"""Greedy decoding by `pelt_core.decode.generate`; each turn names the method that is attached meanwhile, or none."""

from __future__ import annotations

import json
import time
from pathlib import Path

from benchmarks.contenders.turns import DTYPES, Turns, forget_peak, peak_memory
from pelt_core import attach, decode, detach
from pelt_core.backbones import load_model, load_tokenizer
from pelt_core.precision import cast_backbone, fast_fp32

_NEVER_WRITTEN = 3  # of SmolLM2's tokens a special one that no answer has


def main() -> None:
    """Decodes as an evaluation does, but to a fixed number of tokens, so that each contender's work is the same."""
    turns = Turns()
    asked = turns.settings
    fast_fp32()
    model = load_model(asked["folder"])
    cast_backbone(model.requires_grad_(False), DTYPES[asked["precision"]])
    tokenizer = load_tokenizer(asked["folder"])
    model.generation_config.eos_token_id = None
    tokenizer.eos_token = tokenizer.pad_token = tokenizer.convert_ids_to_tokens(_NEVER_WRITTEN)
    prompts = [prompt["text"] for prompt in json.loads(Path(asked["prompts"]).read_text())]
    turns.say()
    while True:
        turn = turns.wait()
        if turn.get("method"):
            attach(model, turn["method"], seed=0)
            cast_backbone(model, DTYPES[asked["precision"]])
        chosen = prompts[: turn["questions"]]
        forget_peak()
        started = time.perf_counter()
        written = decode.generate(
            model, tokenizer, chosen, max_new_tokens=asked["new_tokens"], batch_size=turn["batch_size"]
        )
        seconds = time.perf_counter() - started
        turns.say(seconds=seconds, work=len(chosen), written=written, peak_memory_bytes=peak_memory())
        if turn.get("method"):
            detach(model)


if __name__ == "__main__":
    main()
