"""Questions and solutions -> token ids, and token ids -> padded batches.

Prompt and answer are tokenised apart and joined, so the ids of the prompt in training are exactly those in evaluation.
A leading token (beginning of sequence) is put in front if, and only if, the tokenizer's own defaults do so: SmolLM2's
do not, and its untrained answer loss is the same to .02 with none or any of its three special tokens there.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerBase

from pelt_core.data.prompts import render
from pelt_core.errors import PeltError

if TYPE_CHECKING:
    from datasets import Dataset

IGNORED = -100  # the label that torch.nn.functional.cross_entropy passes over

log = logging.getLogger(__name__)


class NothingToLearn(PeltError, ValueError):
    """No row is left after encoding; the message says why rows fell out."""


def prompt_ids(tokenizer: PreTrainedTokenizerBase, prompt: str) -> list[int]:
    """The ids of a prompt, with the tokenizer's beginning-of-sequence token if its defaults put one there."""
    ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    bos = tokenizer.bos_token_id
    leads = bos is not None and tokenizer("a")["input_ids"][:1] == [bos]
    return [bos, *ids] if leads else list(ids)


def encode(
    tokenizer: PreTrainedTokenizerBase, rows: Iterable[dict[str, str]], prompt_name: str, max_length: int
) -> "Dataset":
    """Rows with `id`, `question`, `solution` -> a Dataset of `id`, `input_ids`, `labels`.

    `labels` is -100 on the prompt and the token itself on the solution and on the end-of-sequence token after it.
    Rows without a solution, and rows of more than `max_length` tokens, are left out (never cut) and their numbers
    logged; the ids tell which are left.

    Raises:
        NothingToLearn: every row fell out.
        UnknownPrompt: there is no prompt of that name.
    """
    from datasets import Dataset  # here, as its import takes a second

    encoded, unsolved, too_long = [], 0, 0
    for row in rows:
        prompt = prompt_ids(tokenizer, render(prompt_name, row["question"]))
        answer = [*tokenizer(row["solution"], add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        if not row["solution"]:
            unsolved += 1
        elif len(prompt) + len(answer) > max_length:
            too_long += 1
        else:
            labels = [IGNORED] * len(prompt) + answer
            encoded.append({"id": row["id"], "input_ids": prompt + answer, "labels": labels})
    fallen = f"{too_long} of more than {max_length} tokens, {unsolved} without a solution"
    if not encoded:
        raise NothingToLearn(f"no row is left to learn from: {fallen}; raise max_length, or choose other data")
    if too_long or unsolved:
        log.warning("%d rows encoded; left out: %s", len(encoded), fallen)
    return Dataset.from_list(encoded)


def collate(rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
    """Encoded rows -> `input_ids`, `attention_mask`, `labels`, each (batch, tokens), padded on the right.

    Columns other than `input_ids` and `labels` are passed over. The padding's id is 0; any does, as the mask hides it.
    """
    ids = [torch.tensor(row["input_ids"]) for row in rows]
    labels = [torch.tensor(row["labels"]) for row in rows]
    return {
        "input_ids": pad_sequence(ids, batch_first=True),
        "attention_mask": pad_sequence([torch.ones_like(row) for row in ids], batch_first=True),
        "labels": pad_sequence(labels, batch_first=True, padding_value=IGNORED),
    }


def left_pad(tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str]) -> dict[str, torch.Tensor]:
    """Prompts -> `input_ids` and `attention_mask`, each (batch, tokens), padded on the left, for generation."""
    ids = [prompt_ids(tokenizer, prompt) for prompt in prompts]
    width = max(map(len, ids))
    lengths = torch.tensor([len(row) for row in ids])
    pad_id = _pad_id(tokenizer)
    return {
        "input_ids": torch.tensor([[pad_id] * (width - len(row)) + row for row in ids]),
        "attention_mask": (torch.arange(width) >= width - lengths[:, None]).long(),
    }


def _pad_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """The padding token's id; any id does where a mask hides it, so tokenizers without one lend the end's."""
    return tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
