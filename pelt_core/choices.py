"""A question with choices, answered by likelihood: of each label behind the question, and of each choice's own text.

With what the model writes itself, see `pelt_core.evaluate.score`, that makes three scores from the same row. A small
model that names no label may still know which text is right: the cloze form shows it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from pelt_core.data.extraction import LABELS, label_family
from pelt_core.data.prompts import exchange
from pelt_core.scoring import ChoiceError, ChoiceScore, choice_scores

CLOZE = "cloze@1"
"""The prompt that asks for the text of a choice."""


def score(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[Mapping[str, Any]],
    prompts: Sequence[str],
) -> list[dict[str, Any]]:
    """What a record of each row says of likelihoods, all in nats and in the order of the choices.

    A label stands in the sentence of the training rows, "the correct answer is answer2", in which only it differs.
    The texts of the choices follow the cloze prompt. Sums favour short texts, so a text's log-likelihood is divided by
    its characters, as evaluation harnesses do (`acc_norm`) and as no tokenizer changes: that is the main score. To
    "yes" and "no" it would give one and a half times the length, so they are compared as they are, as there too.

    Args:
        model: a causal language model.
        tokenizer: of the model.
        rows: with `id`, `answer`, `solution`, `stem`, `choices` and `gold`.
        prompts: the whole question of each row, with its labels.

    Returns:
        For each row `label_log_likelihoods`, `label_picked` and `label_correct`; `cloze_prompt_sha256`,
        `cloze_log_likelihoods`, `cloze_tokens`, `cloze_characters`, `cloze_picked` (an index) and `cloze_correct` by
        the main score, and `cloze_correct_by_token` by the mean over tokens.

    Raises:
        ChoiceError: a row's answer is not the label of its right choice, or a text has no token.

    """
    by_label = choice_scores(model, tokenizer, prompts, [_sentences(row) for row in rows])
    stems = [exchange(CLOZE, row)[0] for row in rows]
    by_text = choice_scores(model, tokenizer, stems, [_texts(row) for row in rows])
    return [
        _label_fields(row, labelled) | {"cloze_prompt_sha256": _sha256(stem)} | _cloze_fields(row, worded)
        for row, labelled, stem, worded in zip(rows, by_label, stems, by_text, strict=True)
    ]


def labels(row: Mapping[str, Any]) -> list[str]:
    """The labels of a row's choices, in their order: "answer1", "answer2", "answer3", or "true", "false".

    Raises:
        ChoiceError: the row's answer is not the label of its right choice.
        UnknownExtractor: the answer is no label.
    """
    own = list(LABELS[label_family(row["answer"])][: len(row["choices"])])
    if len(own) < len(row["choices"]) or not 0 <= row["gold"] < len(own) or own[row["gold"]] != row["answer"]:
        raise ChoiceError(
            f"row {row['id']!r}: its right choice is number {row['gold']} of {len(row['choices'])}, counted from 0, "
            f"but its answer is {row['answer']!r}; the labels are {', '.join(own)}"
        )
    return own


def _sentences(row: Mapping[str, Any]) -> list[str]:
    own = labels(row)
    before, answer, after = row["solution"].rpartition(row["answer"])
    if not answer:
        raise ChoiceError(f"row {row['id']!r}: its solution {row['solution']!r} does not name {row['answer']!r}")
    return [f"{before}{label}{after}" for label in own]


def _texts(row: Mapping[str, Any]) -> list[str]:
    return [choice.strip() for choice in row["choices"]]


def _label_fields(row: Mapping[str, Any], scores: Sequence[ChoiceScore]) -> dict[str, Any]:
    nats = [each.log_likelihood for each in scores]
    picked = labels(row)[_best(nats)]
    return {"label_log_likelihoods": nats, "label_picked": picked, "label_correct": picked == row["answer"]}


def _cloze_fields(row: Mapping[str, Any], scores: Sequence[ChoiceScore]) -> dict[str, Any]:
    nats = [each.log_likelihood for each in scores]
    tokens, characters = [each.tokens for each in scores], [len(text) for text in _texts(row)]
    picked = _best(nats if row["answer"] in LABELS["truth"] else _means(nats, characters))
    return {
        "cloze_log_likelihoods": nats,
        "cloze_tokens": tokens,
        "cloze_characters": characters,
        "cloze_picked": picked,
        "cloze_correct": picked == row["gold"],
        "cloze_correct_by_token": _best(_means(nats, tokens)) == row["gold"],
    }


def _means(nats: Sequence[float], lengths: Sequence[int]) -> list[float]:
    return [value / length for value, length in zip(nats, lengths, strict=True)]


def _best(values: Sequence[float]) -> int:
    return max(range(len(values)), key=values.__getitem__)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
