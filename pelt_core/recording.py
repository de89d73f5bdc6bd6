"""Which gates are open for which example."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import Tensor
from transformers import PreTrainedModel

from pelt_core.attachment import attached
from pelt_core.context import Context
from pelt_core.errors import PeltError
from pelt_core.grafts import Graft


class RecordingError(PeltError, ValueError):
    """A model without gates, where there is nothing to record."""


@contextmanager
def recorded_gates(model: PreTrainedModel, name: str | None = None) -> Iterator[list[dict[str, Any]]]:
    """Records the value of every gate for every example while `model` computes inside the `with`.

    A gate with a value for every token is recorded by its mean over the real tokens that it was given. A run outside of
    the `with` carries no hook and pays nothing.

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
    attachment = attached(model, name)
    records: list[dict[str, Any]] = []
    batches: Counter[str] = Counter()

    def record(key: str, graft: Graft, gate: Any, args: tuple[Tensor], g: Tensor) -> None:
        for row, value in enumerate(_of_each_row(gate.context, args[0], g.detach()).tolist()):
            site = {"layer": graft.site.layer, "position": graft.site.position}
            method = key.removeprefix(f"{graft.site}_")
            records.append(site | {"method": method, "batch": batches[key], "row": row, "gate": value})
        batches[key] += 1

    handles = [
        graft.gate.register_forward_hook(partial(record, key, graft))
        for key, graft in attachment.grafts.items()
        if isinstance(graft, Graft) and graft.gate is not None
    ]
    if not handles:
        raise RecordingError(f"{str(attachment.method)!r} has no gates to record: give it some, as in sequence*lora")
    try:
        yield records
    finally:
        for handle in handles:
            handle.remove()


def _of_each_row(context: Context, h: Tensor, g: Tensor) -> Tensor:
    """The gate of each row, `(batch,)`, given what the gate read and gave."""
    batch, tokens = (h if context.hidden is None else context.hidden).shape[:2]
    g = g.view(batch, tokens, 1) if g.dim() == 2 else g.expand(batch, -1, 1)  # OPT's MLP reads all rows as one
    if context.packing is not None:
        g = g.expand(-1, tokens, -1)
    return (context.mean_of_each_row(g) if g.shape[1] == tokens else g).flatten()
