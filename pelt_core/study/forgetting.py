"""What a model forgets in training: its loss on plain texts that have nothing to do with the questions.

The mean of `-log p(x_t | x_<t)` over the tokens of a text behind its first one, in nats. The base model's loss on the
same texts is what there was to forget.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from pelt_core import data, evaluate
from pelt_core.data.batches import IGNORED, prompt_ids

if TYPE_CHECKING:
    from datasets import Dataset

TEXTS = 200
"""At most so many texts are read, the same in every run."""


def encoded(tokenizer: PreTrainedTokenizerBase, name: str, max_length: int) -> Dataset:
    """The texts of a set as token ids, of a pair of texts the second; what is beyond `max_length` is cut off.

    Args:
        tokenizer: of the model.
        name: of a set of texts with labels, such as ``"glue-qnli"``, whose second texts are sentences of Wikipedia.
        max_length: tokens.

    Returns:
        Columns id, sha256 (of the text), input_ids and labels.

    Raises:
        PeltError: as `pelt_core.data.evaluation_rows`.
    """
    from datasets import Dataset

    lines = []
    for row in data.evaluation_rows(name, TEXTS):
        text = row["text_pair"] or row["text"]
        ids = prompt_ids(tokenizer, text)[:max_length]
        digest = hashlib.sha256(text.encode()).hexdigest()
        lines.append({"id": row["id"], "sha256": digest, "input_ids": ids, "labels": [IGNORED, *ids[1:]]})
    return Dataset.from_list(lines)


def items(model: PreTrainedModel, name: str, texts: Dataset) -> list[dict[str, Any]]:
    """One record a text: `set`, `id`, `prompt_sha256` (of the text), `text_loss` and `text_tokens`."""
    return [
        {"set": name, "id": row, "prompt_sha256": digest, "text_loss": found.loss, "text_tokens": found.tokens}
        for row, digest, found in zip(texts["id"], texts["sha256"], evaluate.answer_loss(model, texts), strict=True)
    ]
