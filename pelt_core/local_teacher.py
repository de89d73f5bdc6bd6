"""The teacher that is a model on this machine: its rationales are sampled, batch by batch, and kept on disk.

Beside the other teachers of `pelt_core.data.teachers` it would need what stands above data: decoding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import nn
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from pelt_core.backbones import load_model, load_tokenizer
from pelt_core.data.batches import prompt_ids
from pelt_core.data.prompts import render
from pelt_core.data.teachers import Question, Written, from_model, prompt
from pelt_core.data.teachers.store import Store
from pelt_core.sampling import sample


@dataclass
class LocalTeacher:
    """A causal language model; one that has a chat template is asked in it, any other in the Alpaca prompt.

    Args:
        backbone: a name of `pelt_core.backbones.BACKBONES`, a folder, or a hub id.
        store: where answers are kept.
        attempts: how many samples of a question at most; the first right one is kept.
        temperature: of sampling, above 0.
        max_tokens: after which an answer is cut.
        batch_size: questions at once.
        seed: of the samples.
        dtype: precision of the weights.
    """

    backbone: str
    store: Store
    attempts: int = 4
    temperature: float = 0.7
    max_tokens: int = 256
    batch_size: int = 32
    seed: int = 0
    dtype: torch.dtype = torch.bfloat16

    def write(self, questions: Sequence[Question], attempt: int) -> list[Written]:
        """Sample a text for every question that the store has none for, the longest questions first."""
        requests = [self._request(question, attempt) for question in questions]
        kept = [self.store.get(request) for request in requests]
        new = sorted((i for i, answer in enumerate(kept) if answer is None), key=lambda i: -len(questions[i].text))
        title = f"{self.backbone}, attempt {attempt + 1}"
        with tqdm(total=len(new), desc=title, unit="question", disable=None, leave=False) as bar:
            for start in range(0, len(new), self.batch_size):
                batch = new[start : start + self.batch_size]
                texts = sample(
                    self._model,
                    self._tokenizer,
                    [self._prompt(questions[i]) for i in batch],
                    [f"{self.seed}/{attempt}/{questions[i].id}" for i in batch],
                    temperature=self.temperature,
                    max_new_tokens=self.max_tokens,
                )
                for i, text in zip(batch, texts, strict=True):
                    kept[i] = {"text": text}
                    self.store.put(requests[i], {"text": text})
                bar.update(len(batch))
        return [from_model(answer["text"]) for answer in kept if answer is not None]

    def report(self) -> dict[str, Any]:
        """The model and its settings."""
        return {"teacher": "local", **self._settings()}

    def _settings(self) -> dict[str, Any]:
        names = ("backbone", "attempts", "temperature", "max_tokens", "batch_size", "seed")
        return {name: getattr(self, name) for name in names} | {"dtype": str(self.dtype).removeprefix("torch.")}

    def _request(self, question: Question, attempt: int) -> dict[str, Any]:
        settings = {name: value for name, value in self._settings().items() if name not in ("attempts", "batch_size")}
        return {**settings, "id": question.id, "prompt": prompt(question), "attempt": attempt}

    @cached_property
    def _model(self) -> PreTrainedModel:
        model = load_model(self.backbone, self.dtype)
        if accelerator := torch.accelerator.current_accelerator(check_available=True):
            nn.Module.to(model, accelerator)
        return model

    @cached_property
    def _tokenizer(self) -> PreTrainedTokenizerBase:
        return load_tokenizer(self.backbone)

    def _prompt(self, question: Question) -> str:
        """The text before the answer; a template that begins with the token that goes in front anyway loses it."""
        tokenizer = self._tokenizer
        if not tokenizer.chat_template:
            return render("alpaca@1", prompt(question))
        turns = [{"role": "user", "content": prompt(question)}]
        text = str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
        twice = prompt_ids(tokenizer, text)[:2] == [tokenizer.bos_token_id] * 2
        return text.removeprefix(str(tokenizer.bos_token)) if twice else text
