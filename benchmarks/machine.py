"""What the figures were measured on, and the most that its processor can do."""

from __future__ import annotations

import importlib.metadata
import os
import statistics
import subprocess
import time
from typing import Any

import torch

from pelt_core import provenance

SIZES = ((2048, 2048, 2048), (2048, 576, 1536), (2048, 1536, 576), (1024, 576, 1536), (1024, 576, 576))
EXACT = 1e-5  # relative error; sums of 2,048 fp32 products are right to about 1e-6, bf16 products to 2e-3
_LIBRARIES = ("torch", "transformers", "peft")


def machine(threads: int, adapters_python: str | None) -> dict[str, Any]:
    """Processor, memory, versions and code, as JSON types."""
    versions = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    return {
        **provenance.source(),
        "processor": provenance.collect()["device"].removeprefix("cpu: "),
        "cores": os.cpu_count(),
        "threads": threads,
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "versions": versions | (_versions_there(adapters_python) if adapters_python else {}),
    }


def gemm(threads: int) -> dict[str, Any]:
    """Measured speed of matrix products, `(m, k) @ (n, k).T`, in GFLOP/s, a median of nine each.

    By format and library: `fp32 default` is what torch uses by itself, `fp32 oneDNN` the kernels that `fast_fp32`
    chooses where they are exact, and `peak_fp32` the best of both at any size, `peak_bf16` that of bf16.
    """
    onednn: Any = torch.backends.mkldnn
    before = torch.get_num_threads(), onednn.matmul.fp32_precision
    torch.set_num_threads(threads)
    kinds = {
        "fp32 default": (torch.float32, "none"),
        "fp32 oneDNN": (torch.float32, "bf16"),
        "bf16": (torch.bfloat16, "none"),
    }
    speeds: dict[str, dict[str, float]] = {}
    errors = {}
    try:
        for kind, (dtype, precision) in kinds.items():
            onednn.matmul.fp32_precision = precision
            speeds[kind] = {"x".join(map(str, size)): _speed(size, dtype) for size in SIZES}
            errors[kind] = _error(dtype)
    finally:
        torch.set_num_threads(before[0])
        onednn.matmul.fp32_precision = before[1]
    exact = [kind for kind in kinds if errors[kind] < EXACT]
    return {
        "gflops": speeds,
        "relative_error": errors,
        "peak_fp32": max(max(speeds[kind].values()) for kind in exact),
        "peak_bf16": max(speeds["bf16"].values()),
    }


def _speed(size: tuple[int, int, int], dtype: torch.dtype) -> float:
    m, k, n = size
    x, w = torch.randn(m, k, dtype=dtype), torch.randn(n, k, dtype=dtype)
    seconds = []
    for _ in range(10):
        started = time.perf_counter()
        torch.nn.functional.linear(x, w)
        seconds.append(time.perf_counter() - started)
    return round(2 * m * k * n / statistics.median(seconds[1:]) / 1e9, 1)


def _error(dtype: torch.dtype) -> float:
    generator = torch.Generator().manual_seed(0)
    x, w = (torch.randn(512, 576, generator=generator) for _ in range(2))
    exact = x.double() @ w.double().T
    found = torch.nn.functional.linear(x.to(dtype), w.to(dtype))
    return ((found - exact).norm() / exact.norm()).item()


def _versions_there(python: str) -> dict[str, str]:
    """The versions in the other environment, under names that say so."""
    code = "import importlib.metadata as m; print(*map(m.version, ('adapters', 'transformers', 'torch')))"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    return dict(zip(("adapters", "transformers of adapters", "torch of adapters"), found, strict=True))
