"""Decoding by `model.generate`, of a bare backbone or of one with a method of `peft` or `adapters`."""

from __future__ import annotations

import json
import time
from pathlib import Path

import torch
from transformers import AutoTokenizer
from transformers.utils import logging

from benchmarks.contenders.peers import build
from benchmarks.contenders.turns import Turns, forget_peak, peak_memory

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@torch.inference_mode()
def main() -> None:
    """Decodes batches padded on the left, to a fixed number of tokens, so that each contender's work is the same."""
    logging.set_verbosity_error()
    turns = Turns()
    asked = turns.settings
    model = build(asked, DTYPES[asked["precision"]]).eval()
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0
    tokenizer = AutoTokenizer.from_pretrained(asked["folder"], padding_side="left")
    prompts = json.loads(Path(asked["prompts"]).read_text())
    turns.say()
    while True:
        turn = turns.wait()
        first = turn["round"] * turn.get("stride", 0)
        chosen = prompts[first : first + turn["questions"]]
        forget_peak()
        texts: list[str] = []
        started = time.perf_counter()
        for i in range(0, len(chosen), turn["batch_size"]):
            batch = tokenizer(chosen[i : i + turn["batch_size"]], return_tensors="pt", padding=True)
            written = model.generate(
                input_ids=batch["input_ids"],
                attention_mask=batch["attention_mask"],
                max_new_tokens=asked["new_tokens"],
                do_sample=False,
                num_beams=turn.get("beams", 1),
            )
            ids = written[:, -asked["new_tokens"] :]
            texts += tokenizer.batch_decode(ids, skip_special_tokens=True)
        seconds = time.perf_counter() - started
        turns.say(seconds=seconds, work=len(chosen), texts=texts, peak_memory_bytes=peak_memory())


if __name__ == "__main__":
    main()
