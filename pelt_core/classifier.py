"""A backbone as a classifier of texts: their hidden states pooled, and a linear head on that."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from pelt_core.errors import PeltError
from pelt_core.label_loss import label_losses

POOLINGS = ("mean", "first", "last", "pair")


class PoolingError(PeltError, ValueError):
    """A way of pooling that does not exist, or does not fit the texts."""


class Classifier(PreTrainedModel):
    """`logits = W pool(h) + b`, with `h` the backbone's last hidden states, `(texts, tokens, hidden)`.

    `pool` is over the real tokens of a text:

    - `mean`: `mean_t h_t`;
    - `first`: `h_0`, as BERT's classifiers have it, without the pooler's extra layer;
    - `last`: the state of the last token, the only one of a causal model that has seen all of the text;
    - `pair`: `[u, v, |u - v|, u * v]` of the means `u` and `v` of two texts that the backbone reads apart (Conneau et
      al. 2017, section 3.1). They are rows of the batch, one behind the other: twice as many rows as logits. Without
      the products a linear head does not see how similar two embeddings are.

    `W` is `(labels, hidden)`, or `(labels, 4 hidden)` for `pair`, drawn from N(0, 0.02^2) by torch's global generator;
    `b = 0`. There is no dropout between pool and head.

    Args:
        backbone: without a head.
        pooling: how.
        labels: classes; one for a score.

    Raises:
        PoolingError: there is no such way of pooling.

    """

    base_model_prefix = "backbone"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_attention_backend = True

    def __init__(self, backbone: PreTrainedModel, pooling: str, labels: int) -> None:
        if pooling not in POOLINGS:
            raise PoolingError(f"no pooling is called {pooling!r}: choose one of {', '.join(POOLINGS)}")
        super().__init__(backbone.config)
        if getattr(backbone, "pooler", None) is not None:
            cast(Any, backbone).pooler = None  # an extra layer on the first token, which none of these reads
        self._supports_attention_backend = backbone._supports_attention_backend
        self.backbone, self.pooling, self.num_labels = backbone, pooling, labels
        hidden = backbone.config.hidden_size
        self.config.num_labels = labels
        self.classifier = nn.Linear(4 * hidden if pooling == "pair" else hidden, labels)
        nn.init.normal_(self.classifier.weight, std=0.02)
        nn.init.zeros_(self.classifier.bias)
        self.eval()

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, labels: Tensor | None = None, **kwargs: Any
    ) -> SequenceClassifierOutput:
        """Logits, `(texts, labels)`; with `pair` half as many as rows of `input_ids`, `(rows, tokens)`.

        Given `labels`, `(texts,)`, also the mean over texts of `pelt_core.label_loss.label_losses`.
        """
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        h = self.backbone(input_ids=input_ids, attention_mask=attention_mask, **kwargs).last_hidden_state
        pooled = self._pool(h, mask.to(h.device))
        logits = self.classifier(pooled.to(self.classifier.weight.dtype))
        loss = None if labels is None else label_losses(logits, labels).mean()
        return SequenceClassifierOutput(loss=loss, logits=logits)

    def _pool(self, h: Tensor, mask: Tensor) -> Tensor:
        if self.pooling == "first":
            return h[:, 0]
        if self.pooling == "last":
            return h[torch.arange(len(h), device=h.device), _last(mask)]
        weight = mask.unsqueeze(-1).to(h.dtype)
        means = (weight * h).sum(1) / weight.sum(1)
        if self.pooling == "mean":
            return means
        if len(means) % 2:
            raise PoolingError(f"the pooling 'pair' takes two rows for each pair of texts, and here are {len(means)}")
        u, v = means.unflatten(0, (-1, 2)).unbind(1)
        return torch.cat([u, v, (u - v).abs(), u * v], 1)


def _last(mask: Tensor) -> Tensor:
    """The column of the last real token of each row, wherever the padding is, `(rows,)`."""
    return (mask * torch.arange(1, mask.shape[1] + 1, device=mask.device)).argmax(1)
