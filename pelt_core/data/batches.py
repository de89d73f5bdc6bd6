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
    """No row is left after encoding, or one has no label; the message says why."""


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


def encode_texts(tokenizer: PreTrainedTokenizerBase, rows: Iterable[Mapping[str, Any]], max_length: int) -> "Dataset":
    """Rows with `id`, `text`, `text_pair`, `label` -> a Dataset of `id`, `input_ids`, `label`, two texts as one.

    An encoder's tokenizer joins two texts as the model was pretrained, with `token_type_ids` if it has them; where it
    puts nothing between them, a line break does. What is beyond `max_length` tokens is cut off, of two texts that are
    not joined by a line break from the longer one.
    """
    from datasets import Dataset  # here, as its import takes a second

    return Dataset.from_list(
        [_named(row, _joined(tokenizer, row["text"], row["text_pair"], max_length)) for row in rows]
    )


def encode_apart(tokenizer: PreTrainedTokenizerBase, rows: Iterable[Mapping[str, Any]], max_length: int) -> "Dataset":
    """Rows with `id`, `text`, `text_pair`, `label` -> `id`, `input_ids`, `input_ids_pair`, `label`: two texts apart.

    Each is cut to `max_length` tokens.
    """
    from datasets import Dataset

    def ids(text: str) -> list[int]:
        return list(tokenizer(text, truncation=True, max_length=max_length)["input_ids"])

    return Dataset.from_list(
        [_named(row, {"input_ids": ids(row["text"]), "input_ids_pair": ids(row["text_pair"])}) for row in rows]
    )


def _named(row: Mapping[str, Any], encoded: dict[str, list[int]]) -> dict[str, Any]:
    return {"id": row["id"], **encoded, "label": row["label"]}


def _joined(tokenizer: PreTrainedTokenizerBase, text: str, pair: str, max_length: int) -> dict[str, list[int]]:
    texts = (text, pair) if pair else (text,)
    if tokenizer.num_special_tokens_to_add(pair=True) == tokenizer.num_special_tokens_to_add(pair=False):
        texts = ("\n".join(texts),)
    encoded = tokenizer(*texts, truncation=True, max_length=max_length)
    return {name: list(encoded[name]) for name in ("input_ids", "token_type_ids") if name in encoded}


def tokens_of(row: Mapping[str, Any]) -> int:
    """How many tokens an encoded row has, those of a second text that is read apart too."""
    return len(row["input_ids"]) + len(row.get("input_ids_pair", ()))


def collate(rows: Sequence[Mapping[str, Any]], pad_id: int = 0) -> dict[str, torch.Tensor]:
    """Encoded rows -> `input_ids`, `attention_mask` and, if the rows have them, `token_type_ids`, padded on the right.

    They are (batch, tokens), and so is `labels` of rows that have `labels`, -100 on the padding. Rows that have a
    `label` give `labels` of (batch,). Rows with `input_ids_pair` are two rows of the batch, one behind the other, and
    have one label. Other columns are passed over. The mask hides the padding, so its id matters only to models that
    look for the last token that is none.
    """
    if "input_ids_pair" in rows[0]:
        apart = [{"input_ids": row[name]} for row in rows for name in ("input_ids", "input_ids_pair")]
        return _inputs(apart, pad_id) | {"labels": torch.tensor([row["label"] for row in rows])}
    batch = _inputs(rows, pad_id)
    if "label" in rows[0]:
        return batch | {"labels": torch.tensor([row["label"] for row in rows])}
    return batch | {"labels": _padded(rows, "labels", IGNORED)}


def _inputs(rows: Sequence[Mapping[str, Any]], pad_id: int) -> dict[str, torch.Tensor]:
    batch = {"input_ids": _padded(rows, "input_ids", pad_id)}
    lengths = torch.tensor([len(row["input_ids"]) for row in rows])
    batch["attention_mask"] = (torch.arange(batch["input_ids"].shape[1]) < lengths.unsqueeze(1)).long()
    if "token_type_ids" in rows[0]:
        batch["token_type_ids"] = _padded(rows, "token_type_ids", 0)
    return batch


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
