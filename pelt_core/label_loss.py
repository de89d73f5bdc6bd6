"""The loss of a text's label, from a classifier's logits."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def label_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """`CE` of each text, `-log softmax(z)[y]`, or for one number `(z - y)^2`; in fp32, `(texts,)`.

    Args:
        logits: `z`, shape (texts, classes), or (texts, 1) of a number.
        labels: `y`, the number of the class of each text, or what the number should be, shape (texts,).

    """
    targets = labels.to(logits.device, non_blocking=True)
    if logits.shape[-1] == 1:
        return (logits.float().squeeze(-1) - targets).square()
    return F.cross_entropy(logits.float(), targets, reduction="none")
