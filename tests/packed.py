"""Batches of unequal rows, and whether a model computes the same of them without padding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import models
import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from pelt_core import packed_attention
from pelt_core.packing import Packing
from pelt_core.prompt_end import prompt_ends
from pelt_core.sites import layers
from pelt_core.unpadding import unpadded

ENDS = torch.tensor([3, 5, 2])  # of the prompts


def batch(family: str, lengths: tuple[int, ...] = (6, 9, 4)) -> dict[str, Tensor]:
    """Rows of unequal length, padded on the right."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(4, 260, (len(lengths), max(lengths)), generator=generator)
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)).long()
    given = {"input_ids": ids * mask + (1 - mask), "attention_mask": mask}
    if family == "bert":
        given["token_type_ids"] = (torch.arange(max(lengths)) > 2) * mask
    return given


@contextmanager
def all_at_once() -> Iterator[None]:
    """The attention of a machine that is neither a CPU nor has flash attention."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed_attention, "row_by_row", packed_attention.all_at_once)
        yield


def computed(model: PreTrainedModel, given: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """The logits of the real tokens, or of the texts, and the gradients of a loss that tells them apart."""
    model.zero_grad()
    torch.manual_seed(0)
    with prompt_ends(model, ENDS):
        logits = models.real(model(**given, use_cache=False).logits, given).float()
    if logits.requires_grad:
        (logits * torch.randn(logits.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
    return logits.detach(), models.gradients(model)


def unpads(model: PreTrainedModel, given: dict[str, Tensor], error: float = 1e-5) -> None:
    """Raises unless logits and gradients are the same without padding, also of rows that begin alike."""
    _unpads(model, given, error)
    if {"input_ids", "attention_mask"} == set(given) and layers(model)[0].stack.causal:
        ids = given["input_ids"]
        alike = torch.cat([ids[:1, :2].expand(len(ids), -1), ids[:, 2:]], 1)
        with shared(2):
            _unpads(model, given | {"input_ids": alike}, error)


@contextmanager
def shared(tokens: int) -> Iterator[None]:
    """Raises unless the rows of each packed batch share so many tokens."""
    found: set[int] = set()
    with pytest.MonkeyPatch.context() as patch:
        pack = Packing.pack
        patch.setattr(Packing, "pack", lambda self, padded: found.add(self.shared) or pack(self, padded))
        yield
    assert all(more >= tokens for more in found), found


def _unpads(model: PreTrainedModel, given: dict[str, Tensor], error: float) -> None:
    """The same for one batch; errors are relative to the largest number."""
    logits, gradients = computed(model, given)
    largest = max((g.abs().max().item() for g in gradients.values()), default=0)
    for attention in (nullcontext(), all_at_once()):
        with attention, unpadded(model):
            found, found_gradients = computed(model, given)
        torch.testing.assert_close(found, logits, atol=error * logits.abs().max().item(), rtol=0)
        torch.testing.assert_close(found_gradients, gradients, atol=error * largest, rtol=0)
