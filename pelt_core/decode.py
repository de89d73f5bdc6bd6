"""Greedy decoding of many prompts at once: a plain argmax, without the logits processors of `generation_config`.

Where that asks for none, it is token for token what `model.generate(do_sample=False)` writes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from pelt_core.data.batches import left_pad
from pelt_core.errors import PeltError
from pelt_core.prefill import positions_of, prefill
from pelt_core.prompt_end import prompt_ends

# Settings of `generation_config` by which transformers' greedy decoding is no argmax -> the value that changes nothing.
_PROCESSED = {
    **dict.fromkeys(("repetition_penalty", "encoder_repetition_penalty", "guidance_scale"), 1),
    **dict.fromkeys(("no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "min_length", "min_new_tokens"), 0),
    **dict.fromkeys(("bad_words_ids", "suppress_tokens", "begin_suppress_tokens", "sequence_bias")),
    **dict.fromkeys(("forced_bos_token_id", "forced_eos_token_id", "exponential_decay_length_penalty")),
    **dict.fromkeys(("watermarking_config",)),
}

log = logging.getLogger(__name__)


class NoPrompt(PeltError, ValueError):
    """A prompt without a token, which there is nothing to predict the first one from."""


def generate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    *,
    max_new_tokens: int,
    batch_size: int = 64,
) -> list[str]:
    """The greedy continuation of every prompt: `y_t = argmax_v p(v | prompt, y_<t)`, up to the end token.

    What `model.generation_config` asks for besides, such as a penalty of repetition, is left out and logged. Prompts of
    similar length share a batch, the longest first, padded on the left; a row that has ended leaves it.

    Args:
        model: a causal language model, with or without a method attached.
        tokenizer: of the model.
        prompts: texts, in any order.
        max_new_tokens: tokens after which a continuation is cut.
        batch_size: prompts decoded at once.

    Returns:
        The continuations in the order of the prompts, without special tokens.

    Raises:
        NoPrompt: for a prompt without a token.

    """
    model.eval()
    if left_out := processed(model):
        log.warning("decoded by plain argmax, without what generation_config asks for: %s", ", ".join(left_out))
    stops = stop_tokens(model, tokenizer)
    texts = [""] * len(prompts)
    longest_first = sorted(range(len(prompts)), key=lambda i: -len(prompts[i]))
    with tqdm(total=len(prompts), desc="generating", unit="prompt", disable=None, leave=False) as bar:
        for start in range(0, len(prompts), batch_size):
            batch = longest_first[start : start + batch_size]
            inputs = left_pad(tokenizer, [prompts[i] for i in batch])
            continuations = greedy(model, **inputs, max_new_tokens=max_new_tokens, stops=stops)
            for i, tokens in zip(batch, continuations, strict=True):
                texts[i] = str(tokenizer.decode(tokens, skip_special_tokens=True))
            bar.update(len(batch))
    return texts


def processed(model: PreTrainedModel) -> list[str]:
    """What of the model's `generation_config` makes `model.generate(do_sample=False)` write something else."""
    values = {name: getattr(model.generation_config, name, None) for name in _PROCESSED}
    return [f"{name}={value}" for name, value in values.items() if value not in (None, _PROCESSED[name])]


def stop_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """The ids after which nothing is read: the tokenizer's end and padding, and those the model itself names."""
    named = model.generation_config.eos_token_id
    ids = [*(named if isinstance(named, list) else [named]), tokenizer.eos_token_id, tokenizer.pad_token_id]
    return frozenset(i for i in ids if i is not None)


def greedy(
    model: PreTrainedModel, input_ids: Tensor, attention_mask: Tensor, *, max_new_tokens: int, stops: frozenset[int]
) -> list[list[int]]:
    """The greedy continuation of every row, without the token that ended it; the arguments are those of `extend`."""
    return extend(model, input_ids, attention_mask, most_likely, max_new_tokens=max_new_tokens, stops=stops)


def most_likely(logits: Tensor, rows: Sequence[int]) -> Tensor:
    """The token of the highest logit: (rows, vocabulary) -> (rows,)."""
    return logits.argmax(-1)


@torch.inference_mode()
def extend(
    model: PreTrainedModel,
    input_ids: Tensor,
    attention_mask: Tensor,
    choose: Callable[[Tensor, Sequence[int]], Tensor],
    *,
    max_new_tokens: int,
    stops: frozenset[int],
) -> list[list[int]]:
    """The continuation of every row by the tokens that `choose` takes, without the token that ended it.

    Args:
        model: a causal language model in eval mode.
        input_ids: prompts padded on the left, shape (batch, tokens).
        attention_mask: 1 on tokens, 0 on padding, shape (batch, tokens).
        choose: logits (running rows, vocabulary), and which row of the batch each is -> a token for each.
        max_new_tokens: tokens after which a continuation is cut.
        stops: ids that end a continuation.

    Raises:
        NoPrompt: for a row without a token.

    """
    if not attention_mask.any(1).all():
        raise NoPrompt("a prompt has no token to go on from: give each one at least, such as the beginning of sequence")
    device = next(model.parameters()).device
    tokens, mask = input_ids.to(device), attention_mask.to(device)
    written: list[list[int]] = [[] for _ in tokens]
    rows = list(range(len(tokens)))  # the prompt that each row of the batch continues
    with prompt_ends(model, tokens.shape[1]):
        cache, tokens = prefill(model, tokens[:, :-1], mask[:, :-1]), tokens[:, -1:]
        for _ in range(max_new_tokens):
            positions = positions_of(model, mask, 1)
            logits = model(
                input_ids=tokens, attention_mask=mask, past_key_values=cache, use_cache=True, **positions
            ).logits
            chosen = choose(logits[:, -1], rows)
            running = []
            for row, token in enumerate(chosen.tolist()):
                if token not in stops:
                    written[rows[row]].append(token)
                    running.append(row)
            if not running:
                break
            mask, tokens = F.pad(mask, (0, 1), value=1), chosen[:, None]
            if len(running) < len(rows):
                running = _in_place(running)
                rows, kept = [rows[row] for row in running], torch.tensor(running, device=device)
                cache.batch_select_indices(kept)
                mask, tokens = mask[kept], tokens[kept]
    return written


def _in_place(running: list[int]) -> list[int]:
    """The same rows, the last of them in the places of those that are gone."""
    stays, last = set(running), (row for row in running if row >= len(running))
    return [row if row in stays else next(last) for row in range(len(running))]
