"""How likely a model finds each of the answers that a question offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from pelt_core.cache import RoomyCache
from pelt_core.data.batches import IGNORED, left_pad, prompt_ids
from pelt_core.errors import PeltError
from pelt_core.precision import backbone_in
from pelt_core.prefill import positions_of, prefill
from pelt_core.prompt_end import prompt_ends


class ChoiceError(PeltError, ValueError):
    """Choices that cannot be scored."""


class ChoiceScore(NamedTuple):
    """The likelihood of one choice.

    Attributes:
        log_likelihood: sum of log p(c_t | prompt, c_<t) over the choice's tokens, in nats.
        tokens: how many tokens that is; no end token is among them.

    """

    log_likelihood: float
    tokens: int


@torch.inference_mode()
def choice_scores(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    choices: Sequence[Sequence[str]],
    *,
    batch_size: int = 32,
) -> list[list[ChoiceScore]]:
    """The likelihood of every choice behind its prompt, in fp32, with a prompt's keys and values computed once.

    Prompt and choice are tokenised apart, as in training. Divide by the tokens to compare choices of unequal length.

    Args:
        model: a causal language model; its backbone is fp32 for as long as this takes.
        tokenizer: of the model.
        prompts: texts, in any order.
        choices: for each prompt, any number of texts that may follow it.
        batch_size: prompts at once, similar in length.

    Returns:
        For each prompt one score a choice, in the order given.

    Raises:
        ChoiceError: a prompt or a choice has no token, or there are not as many lists of choices as prompts.

    """
    if len(prompts) != len(choices):
        raise ChoiceError(f"{len(prompts)} prompts, but choices for {len(choices)}: give a list of choices a prompt")
    ids = [[tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts] for texts in choices]
    for prompt, texts, each in zip(prompts, choices, ids, strict=True):
        if not all(each):
            empty = texts[each.index([])]
            raise ChoiceError(f"the choice {empty!r} behind {prompt[-40:]!r} has no token, and so no likelihood")
    if empty_prompts := [prompt for prompt in prompts if not prompt_ids(tokenizer, prompt)]:
        raise ChoiceError(f"the prompt {empty_prompts[0]!r} has no token: begin it with {tokenizer.bos_token!r}, say")
    model.eval()
    scores: list[list[ChoiceScore]] = [[] for _ in prompts]
    longest_first = sorted(range(len(prompts)), key=lambda i: -len(prompts[i]))
    with (
        backbone_in(model, torch.float32),
        tqdm(total=len(prompts), desc="scoring choices", unit="prompt", disable=None, leave=False) as bar,
    ):
        for start in range(0, len(prompts), batch_size):
            batch = longest_first[start : start + batch_size]
            inputs = {name: t.to(model.device) for name, t in left_pad(tokenizer, [prompts[i] for i in batch]).items()}
            for i, found in zip(batch, _scores(model, **inputs, choices=[ids[i] for i in batch]), strict=True):
                scores[i] = found
            bar.update(len(batch))
    return scores


def _scores(
    model: PreTrainedModel, input_ids: Tensor, attention_mask: Tensor, choices: list[list[list[int]]]
) -> list[list[ChoiceScore]]:
    """The same for one batch: the first choice of every prompt, then the second, each behind the same cache."""
    scores: list[list[ChoiceScore]] = [[] for _ in choices]
    with prompt_ends(model, input_ids.shape[1]):
        cache = prefill(model, input_ids[:, :-1], attention_mask[:, :-1])
        for turn in range(max(map(len, choices))):
            rows = [each[turn] if turn < len(each) else [] for each in choices]
            width = max(map(len, rows))
            labels = torch.tensor([row + [IGNORED] * (width - len(row)) for row in rows], device=input_ids.device)
            losses = _losses(model, cache, input_ids[:, -1:], attention_mask, labels)
            cache.crop(-width)
            for found, row, loss in zip(scores, rows, losses.sum(1).tolist(), strict=True):
                if row:
                    found.append(ChoiceScore(-loss, len(row)))
    return scores


def _losses(model: PreTrainedModel, cache: RoomyCache, last: Tensor, prompt: Tensor, labels: Tensor) -> Tensor:
    """`-log p` of every token of one choice a row, 0 on its padding, `(batch, tokens)`.

    Args:
        model: a causal language model.
        cache: of all but the last token of the prompts; the tokens at work are added to it.
        last: the last token of each prompt, `(batch, 1)`.
        prompt: the attention mask of the prompts, `(batch, columns)`.
        labels: the choices, -100 on the padding behind them, `(batch, tokens)`.

    """
    tokens = torch.cat([last, labels[:, :-1].clamp(min=0)], 1)
    mask = torch.cat([prompt, (labels[:, :-1] != IGNORED).to(prompt.dtype)], 1)
    positions = positions_of(model, mask, tokens.shape[1])
    logits = model(input_ids=tokens, attention_mask=mask, past_key_values=cache, use_cache=True, **positions).logits
    return F.cross_entropy(logits.float().transpose(1, 2), labels, ignore_index=IGNORED, reduction="none")
