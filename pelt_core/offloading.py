"""Weights that accelerate keeps in memory or on disk, and fetches for the pass of the module that they belong to."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def device_of(module: nn.Module) -> torch.device | None:
    """Where the first parameter of `module` is, or if it is kept elsewhere, is computed with; `None` without one."""
    for part in module.modules():
        for p in part.parameters(recurse=False):
            return _computed_on(part) if is_offloaded(part) else p.device
    return None


def is_offloaded(module: nn.Module) -> bool:
    """Whether the parameters of `module` itself are kept elsewhere: between two passes they have no numbers."""
    return _computed_on(module) is not None and any(p.is_meta for p in module.parameters(recurse=False))


def _computed_on(module: Any) -> torch.device | None:
    hook = getattr(module, "_hf_hook", None)
    devices = [getattr(one, "execution_device", None) for one in getattr(hook, "hooks", [hook])]
    return next((torch.device(device) for device in devices if device is not None), None)
