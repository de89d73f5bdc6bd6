"""The ledger as a web page: every recorded run in a table that a small script sorts and filters."""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd

from pelt_core.report.names import METRIC_NAMES, backbone_name, method_name, set_name, task_name
from pelt_core.study.export import columns

PERCENT = 100
HEADINGS = (
    "method",
    "task or sets",
    "examples",
    "seed",
    "score",
    "metric",
    "trained",
    "seconds",
    "rates",
    "pooling",
    "backbone",
    "study",
    "commit",
    "key",
    "specification",
)
CHOSEN = ("study", "backbone", "task or sets", "method", "metric")
"""Columns that a menu selects by; a run that serves several studies is found by each."""
WITHOUT_A_SCORE = {"finished": "loss only", "diverged": "diverged"}
"""Status -> what stands in the place of a score: a run may be asked for losses alone."""
OWN_NAMES = ("name", "task", "evaluate", "backbone")
"""Columns of the export whose values pages spell otherwise; a run is found by these, too, though they are not shown."""
NUMBERS = ("examples", "seed", "score", "trained", "seconds")


def table(runs: pd.DataFrame) -> str:
    """HTML of the table, with the controls that appear where scripts run.

    Args:
        runs: as `pelt_core.study.export.table` returns them.
    """
    if runs.empty:
        return "<p><strong>No run is recorded yet.</strong></p>"
    head = "".join(f"<th{_kind(name)} scope=col>{name}" for name in HEADINGS)
    body = "\n".join(_line(run) for run in runs.to_dict("records"))
    return (
        f'<div class="pelt-ledger" data-menus="{"|".join(CHOSEN)}">'
        f'<div class="pelt-ledger-box" tabindex="0" role="region" aria-label="Recorded runs">'
        f"<table><thead><tr>{head}</thead>\n<tbody>\n{body}\n</tbody></table></div>"
        "<noscript><p>Without JavaScript the table is whole, and cannot be sorted or filtered.</p></noscript></div>"
    )


def glossary() -> str:
    """HTML of a table that says what each column of the download holds."""
    lines = "\n".join(
        f"<tr><td><code>{name}</code><td>{column.kind}<td>{_marked(column.text)}" for name, column in columns().items()
    )
    head = "<tr><th scope=col>column<th scope=col>type<th scope=col>what it holds"
    table = f"<table><thead>{head}</thead>\n<tbody>\n{lines}\n</tbody></table>"
    return f'<div class="pelt-ledger-box pelt-glossary">{table}</div>'


def _line(run: dict[str, Any]) -> str:
    cells = zip(HEADINGS, map(escape, _cells(run)), strict=True)
    own = " ".join(filter(None, (_text(run, name).replace("+", " ") for name in OWN_NAMES)))
    line = f'<tr id="{run["key"]}" data-names="{escape(own)}">'
    return line + "".join(f"<td{_kind(name)}>{text}" for name, text in cells)


def _kind(name: str) -> str:
    return " class=n" if name in NUMBERS else ""


def _cells(run: dict[str, Any]) -> tuple[str, ...]:
    """The text of each of `HEADINGS`."""
    asked = " ".join(map(set_name, _text(run, "evaluate").split("+")))
    of_task = task_name(_text(run, "task"))
    rates = [f"{run[name]:g}" for name in ("learning_rate", "head_learning_rate") if not pd.isna(run[name])]
    frozen = ", head frozen" if not pd.isna(run["train_head"]) and not run["train_head"] else ""
    seconds = [run[name] for name in ("train_seconds", "evaluate_seconds") if not pd.isna(run[name])]
    return (
        method_name(run["name"]),
        of_task or asked,
        _whole(run, "examples") or _whole(run, "training_rows"),
        _whole(run, "seed"),
        WITHOUT_A_SCORE[run["status"]] if pd.isna(run["score"]) else f"{PERCENT * run['score']:.1f}",
        METRIC_NAMES.get(run["metric"], run["metric"]),
        _whole(run, "trainable_parameters"),
        f"{sum(seconds):,.0f}",
        " / ".join(rates),
        _text(run, "pooling") + frozen,
        backbone_name(run["backbone"]),
        _text(run, "studies").replace("+", " "),
        _text(run, "git_commit")[:7] + "+" * bool(run["git_dirty"] is True),
        run["key"],
        run["method"],
    )


def _text(run: dict[str, Any], name: str) -> str:
    return "" if pd.isna(run[name]) else str(run[name])


def _whole(run: dict[str, Any], name: str) -> str:
    return "" if pd.isna(run[name]) else f"{run[name]:,}"


def _marked(text: str) -> str:
    """HTML of a text whose code stands between backticks."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))
