"""Random numbers that a seed alone decides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def drawn_from(seed: int) -> Iterator[None]:
    """Inside, tensors are made in fp32 on the CPU, and what is drawn at random follows from `seed`.

    The caller's random states, those of accelerators too, and default type and device are left as they were. On the
    meta device, where there are no numbers, tensors are made there.
    """
    device, dtype = torch.get_default_device(), torch.get_default_dtype()
    with torch.random.fork_rng(devices=[]), device if device.type == "meta" else torch.device("cpu"):
        torch.random.default_generator.manual_seed(seed)  # `torch.manual_seed` would seed every accelerator
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
