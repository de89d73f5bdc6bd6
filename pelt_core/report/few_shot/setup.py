"""The set-up table of a few-example study, from its runs."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from pelt_core.data.glue.tasks import task
from pelt_core.report.names import METRIC_NAMES, backbone_summary, method_name, task_name
from pelt_core.report.words import counted, listed
from pelt_core.study.run import ClassificationRun
from pelt_core.study.scores import Scores

POOLINGS = {
    "mean": "the mean over tokens",
    "first": "the first token",
    "last": "the last token",
    "pair": "both texts read apart: their means, and the distance and the product of these",
}


def setup(scores: Scores) -> pd.DataFrame:
    """What all runs of a study share, and what distinguishes its cells: columns Setting and Value."""
    runs = scores.runs
    lines = {
        "Backbone": "; ".join(_each(backbone_summary(run.backbone) for run in runs)),
        "Methods": "; ".join(_each(f"{method_name(scores.names[run.method])} `{run.method}`" for run in runs)),
        "Tasks and metrics": ", ".join(
            _each(f"{task_name(r.task)} ({METRIC_NAMES[task(r.task).metric]})" for r in runs)
        ),
        "Training rows": "; ".join(_each(f"{_rows(run)}, {counted(run.epochs, 'epoch')}" for run in runs)),
        "Other rows": _each_one(
            f"{run.dev_rows:,} to choose the best epoch by, at most {run.test_rows:,} to test" for run in runs
        ),
        "Rows from": ", ".join(
            _each(f"{task_name(run.task)} `{run.train_from}` and `{run.test_from}`" for run in runs)
        ),
        "Pooling": "; ".join(_poolings(runs)),
        "Head": _each_one("trained" if run.train_head else "frozen at its random start" for run in runs),
        "Optimiser": _each_one(_optimiser(run) for run in runs),
        "Early stopping": "; ".join(_stops(runs)),
        "Peak learning rates, module / head": "<br>".join(_rates(scores)),
        "Seeds": listed(_each(str(run.seed) for run in runs)) + ", each another sample of rows and another start",
        "Length": _each_one(f"{run.max_length} tokens; what is longer is cut" for run in runs),
        "Frozen weights": _each_one(run.precision for run in runs),
    }
    return pd.DataFrame(lines.items(), columns=["Setting", "Value"])


def _rows(run: ClassificationRun) -> str:
    return f"{run.examples:,}" if run.examples else f"all of {task_name(run.task)}"


def _each(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


def _each_one(words: Iterable[str]) -> str:
    return " or ".join(_each(words))


def _optimiser(run: ClassificationRun) -> str:
    warmup = f"{run.warmup:.0%} of the steps" if run.warmup < 1 else f"{run.warmup:g} steps"
    return f"AdamW, batch {run.batch_size}, warm-up {warmup}, weight decay {run.weight_decay:g}"


def _stops(runs: Iterable[ClassificationRun]) -> list[str]:
    """`none: 100 rows`, `after 5 epochs without a better score: 500, 1,000 rows`; without rows where all stop alike."""
    rows: dict[str, dict[str, None]] = {}
    for run in runs:
        rule = f"after {counted(run.patience, 'epoch')} without a better score" if run.patience else "none"
        rows.setdefault(rule, {})[_rows(run)] = None
    return [f"{rule}: {', '.join(own)} rows" for rule, own in rows.items()] if len(rows) > 1 else list(rows)


def _poolings(runs: Iterable[ClassificationRun]) -> list[str]:
    """`mean: SST-2, CoLA`."""
    tasks: dict[str, dict[str, None]] = {}
    for run in runs:
        tasks.setdefault(run.pooling, {})[task_name(run.task)] = None
    return [f"{POOLINGS[pooling]}: {', '.join(names)}" for pooling, names in tasks.items()]


def _rates(scores: Scores) -> list[str]:
    """`0.002 / 0.005: Adapter; LoRA`, and where several are searched, `0.0005, 0.002 / 0.005: Adapter`."""
    heads: dict[str, dict[float, dict[float, None]]] = {}  # method -> rate of the head -> rates of the module
    for run in scores.runs:
        own = heads.setdefault(scores.names[run.method], {})
        own.setdefault(run.head_learning_rate, {})[run.learning_rate] = None
    methods: dict[str, list[str]] = {}
    for name, own in heads.items():
        pairs: dict[str, list[str]] = {}  # rates of the module -> rates of the head
        for head, modules in own.items():
            pairs.setdefault(_numbers(modules), []).append(f"{head:g}")
        said = " and ".join(f"{modules} / {', '.join(found)}" for modules, found in pairs.items())
        methods.setdefault(said, []).append(method_name(name))
    return [f"{said}: {'; '.join(names)}" for said, names in methods.items()]


def _numbers(rates: Iterable[float]) -> str:
    return ", ".join(f"{rate:g}" for rate in sorted(rates))
