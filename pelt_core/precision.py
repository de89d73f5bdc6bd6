"""Number formats: a frozen backbone in bf16 under modules in fp32, and the fastest exact fp32 of this CPU."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from pelt_core.errors import PeltError

DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
_EXACT = 1e-5  # relative error; fp32 sums of 600 products are right to about 4e-7, bf16 products to 2e-3


class PrecisionError(PeltError, ValueError):
    """A number format that the model cannot compute in."""


def cast_backbone(model: PreTrainedModel, dtype: torch.dtype) -> None:
    """Casts the frozen parameters of `model` to `dtype`; attached modules and trained parameters stay as they are.

    Raises:
        PrecisionError: some of the backbone's own parameters train and others are frozen, so that one product would
            have factors of two formats.

    """
    own = [p for name, p in model.named_parameters() if not name.startswith("pelt.")]
    frozen = [p for p in own if not p.requires_grad]
    if dtype != torch.float32 and 0 < len(frozen) < len(own):
        raise PrecisionError(
            f"the method trains {len(own) - len(frozen)} of the backbone's own tensors, which stay in fp32, so the "
            f"others cannot be {str(dtype).removeprefix('torch.')}: choose precision fp32"
        )
    for p in frozen:
        if p.is_floating_point():  # a quantised backbone may keep its codes as a parameter
            p.data = p.data.to(dtype)


@contextmanager
def backbone_in(model: PreTrainedModel, dtype: torch.dtype) -> Iterator[None]:
    """Inside, the backbone of `model` is in `dtype`. From bf16 to fp32 and back is exact."""
    before = {name: p.dtype for name, p in model.named_parameters() if not p.requires_grad}
    cast_backbone(model, dtype)
    try:
        yield
    finally:
        for name, own in before.items():
            p = model.get_parameter(name)
            p.data = p.data.to(own)


def fast_fp32() -> bool:
    """Multiplies fp32 matrices with oneDNN from now on, if the CPU is AMD's and the result exact; says whether.

    There PyTorch's default library runs at half the speed of oneDNN's kernels, elsewhere the two are alike. Torch only
    offers them as "bf16", and where the processor multiplies bf16 natively they may truly round: so that is tried once.
    The choice rests on no clock, so that the same machine always computes the same numbers.
    """
    if not (torch.backends.mkldnn.is_available() and _amd()):
        return False
    generator = torch.Generator().manual_seed(0)
    x, w = (torch.randn(n, 576, generator=generator) for n in (512, 1536))
    onednn: Any = torch.backends.mkldnn
    onednn.matmul.fp32_precision = "bf16"
    exact = x.double() @ w.double().T
    error = ((nn.functional.linear(x, w) - exact).norm() / exact.norm()).item()
    if error > _EXACT:
        onednn.matmul.fp32_precision = "none"
    return error <= _EXACT


def _amd() -> bool:
    processor = Path("/proc/cpuinfo")
    return "AuthenticAMD" in (processor.read_text() if processor.exists() else platform.processor())
