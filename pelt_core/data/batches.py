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

from pelt_core.data.prompts import exchange
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
    tokenizer: PreTrainedTokenizerBase, rows: Iterable[Mapping[str, Any]], prompt_name: str, max_length: int
) -> "Dataset":
    """Rows with `id`, `question`, `solution` -> a Dataset of `id`, `input_ids`, `labels`.

    A cloze prompt takes `stem`, `choices` and `gold` instead, see `pelt_core.data.prompts.exchange`.
    `labels` is -100 on the prompt and the token itself on the solution and on the end-of-sequence token after it.
    Rows without a solution, and rows of more than `max_length` tokens, are left out (never cut) and their numbers
    logged; the ids tell which are left.

    Raises:
        NothingToLearn: every row fell out.
        NoChoices: a cloze prompt is given a row without choices.
        UnknownPrompt: there is no prompt of that name.
    """
    from datasets import Dataset  # here, as its import takes a second

    encoded, unsolved, too_long = [], 0, 0
    for row in rows:
        asked, solution = exchange(prompt_name, row)
        prompt = prompt_ids(tokenizer, asked)
        answer = [*tokenizer(solution, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        if not solution:
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


def collate(rows: Sequence[Mapping[str, Any]], pad_id: int = 0) -> dict[str, torch.Tensor]:
    """Encoded rows -> `input_ids`, `attention_mask` and, if the rows have them, `token_type_ids`, padded on the right.

    They are (batch, tokens), and so is `labels` of rows that have `labels`, -100 on the padding. Rows that have a
    `label` give `labels` of (batch,). Other columns are passed over. The mask hides the padding, so its id matters only
    to models that look for the last token that is none.
    """
    batch = {"input_ids": _padded(rows, "input_ids", pad_id)}
    lengths = torch.tensor([len(row["input_ids"]) for row in rows])
    batch["attention_mask"] = (torch.arange(batch["input_ids"].shape[1]) < lengths.unsqueeze(1)).long()
    if "token_type_ids" in rows[0]:
        batch["token_type_ids"] = _padded(rows, "token_type_ids", 0)
    if "label" in rows[0]:
        return batch | {"labels": torch.tensor([row["label"] for row in rows])}
    return batch | {"labels": _padded(rows, "labels", IGNORED)}


def _padded(rows: Sequence[Mapping[str, Any]], column: str, value: int) -> torch.Tensor:
    return pad_sequence([torch.tensor(row[column]) for row in rows], batch_first=True, padding_value=value)


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
