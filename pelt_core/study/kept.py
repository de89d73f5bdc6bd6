"""What runs of one process have in common and no run changes: rows and tokenizers, read once and kept.

The backbone is not kept. Its weights are mapped from their file anew, which takes no more time (0.03 s for 23 million
parameters, 0.07 s for 135 million) than proving that a run left them as they were, and the workers share the pages.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from transformers import PreTrainedTokenizerBase

from pelt_core import backbones, data
from pelt_core.data.batches import encode
from pelt_core.data.glue import few_shot
from pelt_core.study import forgetting

if TYPE_CHECKING:
    from datasets import Dataset

SETS = 16  # evaluation sets kept; a study has fewer


@lru_cache(maxsize=1)
def tokenizer(backbone: str) -> PreTrainedTokenizerBase:
    """The backbone's tokenizer; raises what `pelt_core.backbones.load_tokenizer` raises."""
    return backbones.load_tokenizer(backbone)


@lru_cache(maxsize=SETS)
def questions(name: str, number: int) -> Dataset:
    """The rows of an evaluation set; raises what `pelt_core.data.evaluation_rows` raises."""
    return data.evaluation_rows(name, number)


@lru_cache(maxsize=SETS)
def worked_answers(backbone: str, name: str, number: int, prompt: str, max_length: int) -> Dataset:
    """The rows of an evaluation set as token ids; raises what `pelt_core.data.batches.encode` raises."""
    return encode(tokenizer(backbone), questions(name, number), prompt, max_length)


@lru_cache(maxsize=1)
def texts(backbone: str, name: str, max_length: int) -> Dataset:
    """Plain texts as token ids; raises what `pelt_core.study.forgetting.encoded` raises."""
    return forgetting.encoded(tokenizer(backbone), name, max_length)


@lru_cache(maxsize=1)
def training(backbone: str, mix: str, seed: int, prompt: str, max_length: int) -> Dataset:
    """The rows of a training mix as token ids.

    Raises:
        PeltError: what `pelt_core.data.training_rows` and `pelt_core.data.batches.encode` raise.
    """
    return encode(tokenizer(backbone), data.training_rows(mix, seed), prompt, max_length)


@lru_cache(maxsize=1)
def sample(task: str, examples: int, shuffle: int, dev_rows: int, train_from: str, test_from: str) -> few_shot.FewShot:
    """Rows to train, choose and test a classifier on; raises what `pelt_core.data.glue.few_shot.draw` raises."""
    return few_shot.draw(task, examples or None, shuffle, dev_rows, train_from, test_from)
