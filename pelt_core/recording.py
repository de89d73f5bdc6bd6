"""Which gates are open for which example, and what becomes of a model whose gates are forced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel

from pelt_core.attachment import attached
from pelt_core.context import Context
from pelt_core.errors import PeltError
from pelt_core.grafts import Graft, forget_compiled


class RecordingError(PeltError, ValueError):
    """A model without gates, where there is nothing to record or to force."""


@contextmanager
def recorded_gates(model: PreTrainedModel, name: str | None = None) -> Iterator[list[dict[str, Any]]]:
    """Records the value of every gate for every example while `model` computes inside the `with`.

    A gate with a value for every token is recorded by its mean over the real tokens that it was given. A run outside of
    the `with` carries no hook and pays nothing. What `torch.compile` has compiled in this process is compiled anew,
    inside the `with` and after it.

    Args:
        model: a model with a gated method attached.
        name: of the method, if the model carries several.

    Yields:
        A list that grows by one record for each gate and row of every batch, as `pandas.DataFrame` takes it: `layer`,
        `position`, `method`, `batch` (0 for the first one that the gate was given, and so on), `row`, and `gate`, a
        number from 0 to 1.

    Raises:
        AttachError: if the model carries no such method.
        RecordingError: if the method has no gates.

    Example:
        >>> with recorded_gates(model) as gates:  # doctest: +SKIP
        ...     model(**inputs)
        >>> pandas.DataFrame(gates).groupby(["layer", "method"])["gate"].mean()  # doctest: +SKIP

    """
    records: list[dict[str, Any]] = []
    batches: Counter[str] = Counter()

    def record(key: str, graft: Graft, gate: Any, args: tuple[Tensor], g: Tensor) -> None:
        for row, value in enumerate(_of_each_row(gate.context, args[0], g.detach()).tolist()):
            site = {"layer": graft.site.layer, "position": graft.site.position}
            method = key.removeprefix(f"{graft.site}_")
            records.append(site | {"method": method, "batch": batches[key], "row": row, "gate": value})
        batches[key] += 1

    with _hooked(
        graft.gate.register_forward_hook(partial(record, key, graft)) for key, graft in _gated(model, name).items()
    ):
        yield records


@contextmanager
def forced_gates(model: PreTrainedModel, value: float, name: str | None = None) -> Iterator[None]:
    """Gives every gate this value, for every token of every example, while `model` computes inside the `with`.

    What `torch.compile` has compiled in this process is compiled anew, inside the `with` and after it.

    Args:
        model: a model with a gated method attached.
        value: 0 shuts the method off, but for a prefix behind one number a row: its keys are 0 then, and still
            attended to. 1 is the method without its gates.
        name: of the method, if the model carries several.

    Raises:
        AttachError: if the model carries no such method.
        RecordingError: if the method has no gates.

    Example:
        >>> with forced_gates(model, 0.5):  # doctest: +SKIP
        ...     model(**inputs)

    """

    def force(gate: Any, args: tuple[Tensor], g: Tensor) -> Tensor:
        return torch.full_like(g, value)

    with _hooked(graft.gate.register_forward_hook(force) for graft in _gated(model, name).values()):
        yield


def is_gated(model: PreTrainedModel, name: str | None = None) -> bool:
    """Whether the attached method has gates.

    Raises:
        AttachError: if the model carries no such method.

    """
    return any(isinstance(graft, Graft) and graft.gate is not None for graft in attached(model, name).grafts.values())


def _gated(model: PreTrainedModel, name: str | None) -> dict[str, Any]:
    """The grafts that have a gate, by key."""
    if not is_gated(model, name):
        method = str(attached(model, name).method)
        raise RecordingError(f"{method!r} has no gates: give it some, as in sequence*lora")
    grafts = attached(model, name).grafts.items()
    return {key: graft for key, graft in grafts if isinstance(graft, Graft) and graft.gate is not None}


@contextmanager
def _hooked(hooks: Iterable[RemovableHandle]) -> Iterator[None]:
    handles = list(hooks)
    forget_compiled()
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        forget_compiled()


def _of_each_row(context: Context, h: Tensor, g: Tensor) -> Tensor:
    """The gate of each row, `(batch,)`, given what the gate read and gave."""
    batch, tokens = (h if context.hidden is None else context.hidden).shape[:2]
    g = g.view(batch, tokens, 1) if g.dim() == 2 else g.expand(batch, -1, 1)  # OPT's MLP reads all rows as one
    if context.packing is not None:
        g = g.expand(-1, tokens, -1)
    return (context.mean_of_each_row(g) if g.shape[1] == tokens else g).flatten()
