"""The rows of an optimiser step, cut into parts that are computed one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from pelt_core.data.batches import collate, tokens_of
from pelt_core.loss import predicted_positions

TOKENS = 768
"""Computed at once unless said otherwise: a CPU gains little by more, and LoRA on SmolLM2 stays below 3 GB."""


@dataclass(frozen=True)
class Step:
    """What one optimiser step reads; all of it on the CPU, where it can be counted without waiting for a GPU.

    Attributes:
        parts: micro-batches, as `pelt_core.data.batches.collate` makes them.
        targets: how many losses they have: answer tokens, or texts.
        tokens: how many tokens, padding not counted.

    """

    parts: list[dict[str, Tensor]]
    targets: int
    tokens: int

    def pin_memory(self) -> Step:
        """The same in memory that a GPU reads from without waiting, as torch's `DataLoader` asks for it."""
        pinned = [{name: t.pin_memory() for name, t in part.items()} for part in self.parts]
        return replace(self, parts=pinned)


@dataclass(frozen=True)
class MicroBatches:
    """Rows -> micro-batches of rows of similar length, all of about the same number of tokens.

    Attributes:
        tokens: about how many tokens are computed at once, or those of one row if it has more.
        pad_id: the id of the padding.

    """

    tokens: int
    pad_id: int

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Step]:
        """The step of these rows, as a `Trainer` takes what its collator makes."""
        tokens = sum(map(tokens_of, rows))
        parts = [collate(part, self.pad_id) for part in self.cut(rows)]
        return {"step": Step(parts, sum(_targets(part["labels"]) for part in parts), tokens)}

    def cut(self, rows: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
        """The rows of each part. Each part but the last closes as soon as it has its even share of all tokens."""
        shortest_first = sorted(rows, key=tokens_of)
        total = sum(map(tokens_of, rows))
        share = total / -(-total // self.tokens)
        parts: list[list[Mapping[str, Any]]] = []
        before = 0
        for row in shortest_first:
            if before >= len(parts) * share:
                parts.append([])
            parts[-1].append(row)
            before += tokens_of(row)
        return parts


def _targets(labels: Tensor) -> int:
    return len(labels) if labels.dim() == 1 else int(predicted_positions(labels).sum())
