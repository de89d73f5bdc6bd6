"""Decoding by `model.generate`, of a bare backbone or of one with a method of `peft` or `adapters`."""

from __future__ import annotations

import json
import time
from pathlib import Path

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers.utils import logging

from benchmarks.contenders.peers import build
from benchmarks.contenders.turns import DTYPES, Turns, forget_peak, peak_memory


@torch.inference_mode()
def main() -> None:
    """Decodes batches padded on the left, to a fixed number of tokens, so that each contender's work is the same."""
    logging.set_verbosity_error()
    turns = Turns()
    asked = turns.settings
    model = build(asked, DTYPES[asked["precision"]]).eval()
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0
    prompts = [torch.tensor(prompt["ids"]) for prompt in json.loads(Path(asked["prompts"]).read_text())]
    turns.say()
    while True:
        turn = turns.wait()
        first = turn["round"] * turn.get("stride", 0)
        chosen = prompts[first : first + turn["questions"]]
        forget_peak()
        written: list[list[int]] = []
        started = time.perf_counter()
        for i in range(0, len(chosen), turn["batch_size"]):
            batch = chosen[i : i + turn["batch_size"]]
            ids = model.generate(
                input_ids=pad_sequence(batch, batch_first=True, padding_side="left"),
                attention_mask=pad_sequence([torch.ones_like(row) for row in batch], True, padding_side="left"),
                max_new_tokens=asked["new_tokens"],
                do_sample=False,
                num_beams=turn.get("beams", 1),
            )
            written += ids[:, -asked["new_tokens"] :].tolist()
        seconds = time.perf_counter() - started
        turns.say(seconds=seconds, work=len(chosen), written=written, peak_memory_bytes=peak_memory())


if __name__ == "__main__":
    main()
