"""What the contenders work on: the rows and questions of the laptop preset; the embedded ones if they are not there."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from datasets import Dataset
from safetensors.torch import save_file

from pelt_core import attach, data, save_peft
from pelt_core.backbones import load_model, load_tokenizer
from pelt_core.checkpoint import trained_state
from pelt_core.data.batches import IGNORED, encode, encode_texts, prompt_ids
from pelt_core.data.glue.few_shot import few_shot
from pelt_core.data.glue.tasks import TASKS
from pelt_core.data.prompts import render
from pelt_core.data.sources import DataNotFound
from pelt_core.quiet import progress_on_terminals_only

MIX, EMBEDDED, PROMPT = "gsm8k:200+mawps-clean:300", "arithmetic:500", "alpaca@1"
CLASSES = ("gsm8k", "mawps-clean")


@dataclass(frozen=True)
class Task:
    """A file of rows that every contender reads, and what they are."""

    file: Path
    rows: list[Any]
    what: str


def language_rows(backbone: str, number: int, max_length: int, folder: Path) -> Task:
    """`number` rows `input_ids`, `labels` with a loss on the answer alone, some of them again if there are fewer."""
    mix, found = _training_rows()
    encoded = encode(load_tokenizer(backbone), found, PROMPT, max_length)
    rows = [{name: row[name] for name in ("input_ids", "labels")} for row in encoded]
    return _written(folder / "language.json", _cycled(rows, number), f"{mix}, {PROMPT}, up to {max_length} tokens")


def even_rows(backbone: str, length: int, tokens: int, folder: Path) -> Path:
    """A file of `tokens` real tokens cut into rows of `length` each, with a loss on the second half of every row."""
    rows = language_rows(backbone, 500, 10**6, folder).rows
    text = _cycled([token for row in rows for token in row["input_ids"]], tokens)
    cut = [text[i : i + length] for i in range(0, tokens, length)]
    labelled = [{"input_ids": row, "labels": [IGNORED] * (len(row) // 2) + row[len(row) // 2 :]} for row in cut]
    return _written(folder / f"{tokens}-{length}.json", labelled, "").file


def texts(backbone: str, number: int, folder: Path) -> Task:
    """`number` rows `input_ids`, `label`: questions of GSM8K and MAWPS in turn, to be told apart."""
    tokenizer = load_tokenizer(backbone)
    half = -(-number // len(CLASSES))
    try:
        kinds = [data.training_rows(f"{name}:{half}", 0)["question"] for name in CLASSES]
        what = f"questions of {' and '.join(CLASSES)} in turn"
    except DataNotFound:
        found = data.training_rows(f"arithmetic:{half}", 0)
        kinds = [found["question"], found["solution"]]
        what = "embedded arithmetic, questions and solutions in turn"
    rows = [
        {"input_ids": list(tokenizer(text, truncation=True, max_length=256)["input_ids"]), "label": label}
        for group in zip(*kinds, strict=True)
        for label, text in enumerate(group)
    ]
    return _written(folder / "texts.json", rows[:number], what)


def glue_rows(backbone: str, number: int, folder: Path) -> Task:
    """`number` rows `input_ids`, `label`: of GLUE's tasks in turn, two texts as one; embedded ones if there are none.

    There are two classes, whatever the tasks have.
    """
    names = [name for name, task in TASKS.items() if task.fields]
    try:
        samples = [few_shot(name, -(-number // len(names)), 0, dev_size=1).train for name in names]
        what = f"training rows of {', '.join(names)} in turn"
    except DataNotFound:
        samples, what = [few_shot("paraphrase", 64, 0, dev_size=1).train], "embedded paraphrases"
    tokenizer = load_tokenizer(backbone)
    encoded = [encode_texts(tokenizer, sample, 128) for sample in samples]
    rows = [
        {"input_ids": row["input_ids"], "label": place % 2}
        for place, group in enumerate(zip(*encoded, strict=True))
        for row in group
    ]
    return _written(folder / f"glue-{number}.json", _cycled(rows, number), f"{what}, up to 128 tokens")


def questions(backbone: str, number: int, folder: Path) -> Task:
    """`number` prompts, `text` and `ids`, of GSM8K and SVAMP in turn."""
    half = -(-number // 2)
    try:
        sets = [data.evaluation_rows(name, half)["question"] for name in ("gsm8k", "svamp")]
        what = "questions of gsm8k and svamp in turn"
    except DataNotFound:
        sets, what = [data.evaluation_rows("arithmetic", number)["question"]], "questions of embedded arithmetic"
    tokenizer = load_tokenizer(backbone)
    texts = [render(PROMPT, question) for group in zip(*sets, strict=True) for question in group]
    prompts = [{"text": text, "ids": prompt_ids(tokenizer, text)} for text in texts[:number]]
    return _written(folder / "questions.json", _cycled(prompts, number), f"{what}, {PROMPT}")


def backbone_folder(backbone: str, task: str, folder: Path) -> Path:
    """The backbone and its tokenizer, for all contenders the same, in a form that older `transformers` read too.

    There is no dropout in it, so that losses can be compared. A classifier has its new head, the same for all.
    """
    target = folder / f"{backbone}-{task}"
    model = load_model(backbone, task=task)
    config = model.config
    for name in [name for name in vars(config) if "dropout" in name and isinstance(getattr(config, name), float)]:
        setattr(config, name, 0.0)
    with progress_on_terminals_only():
        model.save_pretrained(target)
    load_tokenizer(backbone).save_pretrained(target)
    settings = json.loads((target / "config.json").read_text())
    # transformers 4 looks for the base of the rotary embedding here, and takes 10,000 if it finds none.
    rope = settings.get("rope_parameters") or {}
    settings |= {name: rope[name] for name in ("rope_theta",) if name in rope}
    (target / "config.json").write_text(json.dumps(settings))
    return target


def starting_values(folder: Path, task: str, method: str, library: str) -> Path:
    """The values that `method` starts from on the backbone in `folder`, in a form for `library`."""
    model = load_model(str(folder), task=task)
    attach(model, method, seed=0)
    target = folder / f"start-{library}-{zlib.crc32(method.encode())}"
    if library == "peft":
        save_peft(model, target)
    else:
        save_file({name: value.contiguous() for name, value in trained_state(model).items()}, target)
    return target


@cache
def _training_rows() -> tuple[str, Dataset]:
    """The mix that there is, and its rows; read once, as a hub that cannot be reached is waited for."""
    try:
        return MIX, data.training_rows(MIX, 0)
    except DataNotFound:
        return EMBEDDED, data.training_rows(EMBEDDED, 0)


def _cycled(rows: list[Any], number: int) -> list[Any]:
    return [rows[i % len(rows)] for i in range(number)]


def _written(file: Path, rows: list[Any], what: str) -> Task:
    file.write_text(json.dumps(rows))
    return Task(file, rows, what)
