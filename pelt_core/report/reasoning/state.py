"""How much of a grid of answers is recorded, what is not, and what its runs share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import pandas as pd
from IPython.display import Markdown

from pelt_core.report import words
from pelt_core.report.names import backbone_summary, method_name, set_name
from pelt_core.report.words import counted, listed
from pelt_core.study.answer_scores import AnswerScores
from pelt_core.study.run import AnswerRun


def state(scores: AnswerScores) -> Markdown:
    """As `pelt_core.report.words.state`, what is missing by seed."""
    return words.state(scores, _by_seed(scores, scores.missing), partial(_named, scores), "questions")


def setup(scores: AnswerScores) -> pd.DataFrame:
    """What the runs of a study share, and what distinguishes its cells: columns Setting and Value."""
    trained = [run for run in scores.runs if run.trains]
    run = trained[0]
    lines = {
        "Backbone": "; ".join(_each(backbone_summary(one.backbone) for one in trained)),
        "Methods": ", ".join(_each(f"{method_name(scores.names[one.method])} `{one.method}`" for one in trained)),
        "Training rows": training(scores),
        "Optimiser": "; ".join(_each(_optimiser(one) for one in trained)),
        "Peak learning rate": "; ".join(_rates(scores)),
        "Seeds": listed(_each(str(one.seed) for one in trained)) + ", each another sample of rows and another start",
        "Answer loss on": _sets(trained, "loss_sets") + _with_a_loss(scores),
        "Answers written to": _sets(trained, "evaluate"),
        "Loss of other texts": listed(_each(set_name(one.texts) for one in trained if one.texts)) or "not measured",
        "Prompt": ", ".join(_each(f"`{one.prompt}`" for one in trained)),
        "Length": f"{run.max_length} tokens in training, {run.max_new_tokens} new tokens in an answer",
        "Frozen weights": ", ".join(_each(one.precision for one in trained)),
    }
    return pd.DataFrame(lines.items(), columns=["Setting", "Value"])


def mix(train: str) -> str:
    """A training mix in words: `100 rows of GSM8K and 150 of MAWPS, cleaned`."""
    parts = [part.partition(":") for part in train.split("+")] if train else []
    said = [f"{int(rows):,} {'rows ' * (i == 0)}of {set_name(name)}" for i, (name, _, rows) in enumerate(parts)]
    return listed(said) or "untrained"


def training(scores: AnswerScores) -> str:
    """The rows of every mix in words, and how many remained without those that are too long."""
    return "; ".join(_each(mix(run.train) for run in scores.runs if run.trains)) + _left_out(scores)


def _named(scores: AnswerScores, run: AnswerRun) -> str:
    return f"{method_name(scores.names[run.method])}, seed {run.seed}"


def _by_seed(scores: AnswerScores, missing: Sequence[AnswerRun]) -> list[str]:
    lines = []
    for seed in sorted({run.seed for run in missing}):
        own = [run for run in missing if run.seed == seed]
        names = _each(method_name(scores.names[run.method]) for run in own)
        whole = len(own) == sum(run.seed == seed for run in scores.runs)
        lines.append(
            f"seed {seed}: " + (f"all {counted(len(own), 'run')}" if whole else f"{len(own)}: {listed(names)}")
        )
    return lines


def _sets(trained: Sequence[AnswerRun], kind: str) -> str:
    names = _each(name for run in trained for name in getattr(run, kind))
    most = max((run.questions for run in trained if getattr(run, kind)), default=0)
    return f"{listed(map(set_name, names))}; at most {most:,} questions each" if names else "none"


def _with_a_loss(scores: AnswerScores) -> str:
    """What is left of the questions of a set without those that have no worked answer, or too long a one."""
    kept: dict[str, dict[str, None]] = {}
    finished = set(scores.table["key"])
    for run in (run for run in scores.runs if run.key in finished):
        for name, own in scores.items(run.key).groupby("set", sort=False)["loss"]:
            asked = f" of {len(own)}" if name in run.evaluate else ""  # a set that is not asked keeps no other records
            if own.notna().any():
                kept.setdefault(str(name), {})[f"{own.count()}{asked}"] = None
    fewer = [f"{set_name(name)} {' or '.join(counts)}" for name, counts in kept.items()]
    longest = max(run.max_length for run in scores.runs)
    return f" (with a worked answer, and of no more than {longest} tokens with it: {listed(fewer)})" if fewer else ""


def _left_out(scores: AnswerScores) -> str:
    used = scores.table.loc[scores.table["train"] != "", "training_rows"]
    if used.empty:
        return ""
    low, high = int(used.min()), int(used.max())
    longest = max(run.max_length for run in scores.runs)
    kept = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f" (without those of more than {longest} tokens: {kept} remained)"


def _optimiser(run: AnswerRun) -> str:
    warmup = f"{run.warmup:.0%} of the steps" if run.warmup < 1 else f"{run.warmup:g} steps"
    return (
        f"AdamW, batch {run.batch_size}, {counted(run.epochs, 'epoch')}, warm-up {warmup}, "
        f"weight decay {run.weight_decay:g}"
    )


def _rates(scores: AnswerScores) -> list[str]:
    """`0.001: LoRA, Series adapter`, or `0.001, 0.003: LoRA` where several are searched."""
    rates: dict[str, dict[float, None]] = {}
    for run in scores.runs:
        if run.trains:
            rates.setdefault(scores.names[run.method], {})[run.learning_rate] = None
    methods: dict[str, list[str]] = {}
    for name, own in rates.items():
        methods.setdefault(", ".join(f"{rate:g}" for rate in own), []).append(method_name(name))
    return [f"{said}: {', '.join(names)}" for said, names in methods.items()]


def _each(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))
