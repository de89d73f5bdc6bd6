"""Tensors that several modules share stand in a state dict once, as safetensors asks for, and load back into all."""

from __future__ import annotations

from itertools import chain
from typing import Any

from torch import nn


def share_in_state_dict(module: nn.Module) -> None:
    """Lets `module.state_dict()` hold each tensor by its first name alone; one that holds all names still loads."""
    module.register_state_dict_post_hook(_leave_out)
    module.register_load_state_dict_pre_hook(_fill_in)


def _repeated(module: nn.Module) -> dict[str, str]:
    """Every further name of a parameter or buffer -> its first name."""
    first: dict[int, str] = {}
    named = chain(module.named_parameters(remove_duplicate=False), module.named_buffers(remove_duplicate=False))
    return {name: own for name, t in named if (own := first.setdefault(id(t), name)) != name}


def _leave_out(module: nn.Module, state: dict[str, Any], prefix: str, metadata: dict[str, Any]) -> None:
    for name in _repeated(module):
        state.pop(prefix + name, None)


def _fill_in(module: nn.Module, state: dict[str, Any], prefix: str, *rest: Any) -> None:
    for name, own in _repeated(module).items():
        if prefix + own in state:
            state.setdefault(prefix + name, state[prefix + own])
