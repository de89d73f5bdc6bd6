"""Runs of questions and answers, carried out, checked beforehand, and what they will cost."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from pelt_core import backbones, choices, data, decode, evaluate
from pelt_core.data.extraction import rules
from pelt_core.data.prompts import EVALUATED_WITH, render
from pelt_core.errors import PeltError
from pelt_core.precision import fast_fp32
from pelt_core.study import answer_gates, forgetting, kept, seen
from pelt_core.study.run import AnswerRun
from pelt_core.study.training import begin, finite, train


class NoTexts(PeltError, ValueError):
    """What is to be read as plain texts has none."""


def execute(run: AnswerRun, workdir: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """As `pelt_core.study.execute.execute`, for a run of this kind; `gates` of the row is as in `answer_gates`."""
    questions = {name: kept.questions(name, run.questions) for name in run.evaluate}
    texts = kept.texts(run.backbone, run.texts, run.max_length) if run.texts else None
    how = (run.prompt, run.max_length)
    solved = {name: kept.worked_answers(run.backbone, name, run.questions, *how) for name in run.loss_sets}
    extractors = {name: rules(data.answer_kind(name), asked[0].get("answer", "")) for name, asked in questions.items()}
    rows = kept.training(run.backbone, run.train, run.seed, *how) if run.train else None
    fast_fp32()
    model = backbones.load_model(run.backbone)
    row = begin(run, model)
    row["extractors"] = {name: found.mended for name, found in extractors.items()}
    row["extractors_published"] = {name: found.published for name, found in extractors.items()}
    if rows is not None:
        train(row, run, model, rows, workdir)
    if row["status"] == "diverged":
        return row, []
    started = time.perf_counter()
    row["gates"] = {}
    items = _items(run, model, questions, solved, row["gates"])
    seen.mark(run, items)
    answer_gates.force(model, solved, row["gates"])
    if texts is not None:
        items += forgetting.items(model, run.texts, texts)
    row["seconds"]["evaluate"] = round(time.perf_counter() - started, 3)
    metrics = evaluate.summarise(items)
    if not finite(metrics):
        return row | {"status": "diverged", "gates": {}}, []
    return row | {"metrics": metrics}, items


def check(runs: Sequence[AnswerRun]) -> None:
    """As `pelt_core.study.check.check`, for runs of this kind."""
    for prompt in dict.fromkeys(run.prompt for run in runs):
        render(prompt, "")
    for name, questions in dict.fromkeys((name, run.questions) for run in runs for name in run.evaluate):
        first = data.evaluation_rows(name, questions)[0]
        rules(data.answer_kind(name), first.get("answer", ""))
    solved = ((r.backbone, name, r.questions, r.prompt, r.max_length) for r in runs for name in r.loss_sets)
    for one in dict.fromkeys(solved):
        kept.worked_answers(*one)
    for name in dict.fromkeys(run.texts for run in runs if run.texts):
        if "text" not in data.evaluation_rows(name, 1).column_names:
            raise NoTexts(f"texts of {name} are to be read, and it has questions: take a set of plain texts, glue-qnli")
    for backbone, mix, *how in dict.fromkeys((r.backbone, r.train, r.prompt, r.max_length) for r in runs if r.train):
        kept.training(backbone, mix, 0, *how)


def _items(
    run: AnswerRun,
    model: PreTrainedModel,
    questions: Mapping[str, Any],
    solved: Mapping[str, Any],
    gates: dict[str, Any],
) -> list[dict[str, Any]]:
    """One record for every question: what was asked, written, found and expected, and the loss of the true answer.

    The model writes its answer behind the prompt that `EVALUATED_WITH` has for the one that it was trained on: after
    the cloze form, behind the whole question.
    """
    prompt, tokenizer = EVALUATED_WITH.get(run.prompt, run.prompt), kept.tokenizer(run.backbone)
    prompts = {name: [render(prompt, q) for q in rows["question"]] for name, rows in questions.items()}
    all_prompts = [text for group in prompts.values() for text in group]
    written = iter(decode.generate(model, tokenizer, all_prompts, max_new_tokens=run.max_new_tokens))
    outputs = {name: [next(written) for _ in group] for name, group in prompts.items()}
    losses = {
        name: dict(zip(rows["id"], answer_gates.losses(model, rows, gates, name), strict=True))
        for name, rows in solved.items()
    }
    items: list[dict[str, Any]] = []
    for name, rows in questions.items():
        records = evaluate.score(name, rows, prompts[name], outputs[name], losses.get(name, {}))
        if data.answer_kind(name) == "choice":
            likelihoods = choices.score(model, tokenizer, list(rows), prompts[name])
            records = [record | fields for record, fields in zip(records, likelihoods, strict=True)]
        items += records
    unasked = {name: losses[name] for name in losses if name not in questions}
    return items + [record for name, found in unasked.items() for record in evaluate.of_losses(name, found)]
