"""A run that several tests use, and what keeps worker processes light."""

import multiprocessing
import os
import sys
from types import SimpleNamespace

from pelt_core.study.run import AnswerRun

RUN = AnswerRun(
    backbone="smollm2-135m",
    method="lora(rank=32,alpha=64)@q,k,v",
    train="gsm8k:500+mawps-clean:500",
    evaluate=("gsm8k", "svamp"),
    questions=200,
    loss_sets=("gsm8k",),
    data_sha256="0" * 64,
    prompt="alpaca@1",
    learning_rate=1e-3,
    epochs=1,
    batch_size=8,
    warmup=0.06,
    weight_decay=0.0,
    max_length=256,
    max_new_tokens=128,
    precision="bf16",
    seed=0,
)


def spare_torch() -> None:
    """In a worker process that only pretends to train, stand in for the library: importing it takes seconds."""
    if multiprocessing.parent_process() is not None:
        threads = int(os.environ["OMP_NUM_THREADS"])
        cuda = SimpleNamespace(is_available=lambda: False)
        sys.modules.setdefault("torch", SimpleNamespace(get_num_threads=lambda: threads, cuda=cuda))
