"""Every recorded run of a ledger as one flat table: a line a run, for spreadsheets, data frames and the report."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple, get_type_hints

import pandas as pd

from pelt_core import specification
from pelt_core.data.glue.tasks import task
from pelt_core.errors import PeltError
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.presets import studies
from pelt_core.study.run import AnswerRun, ClassificationRun, Run
from pelt_core.study.scores import names
from pelt_core.writing import check_writable


class Column(NamedTuple):
    """Type, as pandas calls it, and what a column holds."""

    kind: str
    text: str


FIRST = {
    "key": Column(
        "string", "The run's name, a digest of all that decides its numbers; its two files in the ledger are called so."
    ),
    "studies": Column(
        "string", "The studies that it serves, with + between them; empty if the preset has none that does."
    ),
    "name": Column("string", "Short name of the method in the first of these studies; without one, its modules."),
    "status": Column("string", "`finished` or `diverged`; a diverged run has no score."),
    "metric": Column(
        "string", "What `score` is: the task's metric, or of questions the mean accuracy over the data sets."
    ),
    "score": Column("Float64", "On the tested rows, as a fraction."),
    "accuracy": Column("Float64", "The same by accuracy, where there are classes or questions."),
    "loss": Column(
        "Float64",
        "Mean loss on the tested rows: nats a row, the squared error of scores, or nats a token of worked answers.",
    ),
    "trainable_parameters": Column("Int64", "Numbers that were trained."),
    "backbone_parameters": Column("Int64", "Numbers that the backbone has."),
}
LAST = {
    "training_rows": Column("Int64", "Rows trained on, after those that are too long were left out."),
    "best_epoch": Column(
        "Int64", "The epoch, counted from 1, whose weights were tested; empty where the last ones were."
    ),
    "tokens": Column("Int64", "Tokens computed in training."),
    "train_seconds": Column("Float64", "Wall time of training."),
    "evaluate_seconds": Column("Float64", "Wall time of testing."),
    "peak_memory_bytes": Column("Int64", "The most memory that the process held."),
    "git_commit": Column("string", "Commit of the code."),
    "git_dirty": Column("boolean", "Whether the code differed from its commit."),
    "finished_utc": Column("string", "When the run ended."),
    "device": Column("string", "Processor or accelerator."),
    "threads": Column("Int64", "Processor threads."),
    "python": Column("string", "Version."),
    "torch": Column("string", "Version."),
    "transformers": Column("string", "Version."),
}
BY_SET = {
    "accuracy_SET": Column("Float64", "Of questions: accuracy on one data set; a column for each."),
    "loss_SET": Column(
        "Float64", "Of questions: nats a token of the worked answers of one data set; a column for each."
    ),
}
KINDS = {str: "string", int: "Int64", float: "Float64", bool: "boolean"}
_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.+(?:\n {8}.+)*)", re.M)


class BadExport(PeltError, ValueError):
    """The ending of a file's name says no format that runs can be written in."""


def columns() -> dict[str, Column]:
    """Every column, by name; the fields of runs are described as the kinds of runs describe them."""
    found = dict(FIRST)
    for kind in (Run, AnswerRun, ClassificationRun):
        types, told = get_type_hints(kind), inspect.getdoc(kind) or ""
        for name, text in _ATTRIBUTE.findall(told.partition("Attributes:")[2]):
            said = " ".join(text.split()).replace("``", "`")
            found[name] = Column(KINDS.get(types[name], "string"), said[0].upper() + said[1:])
    return {**found, **LAST, **BY_SET}


def table(ledger: Ledger, preset: str) -> pd.DataFrame:
    """Every recorded run, by study, task, method and seed.

    Args:
        ledger: whose rows; damaged ones are left out.
        preset: whose studies give the runs their names.

    Returns:
        The columns of `columns`, with those of data sets by their names; what a kind of run does not have is missing.
    """
    served: dict[str, dict[str, str]] = {}
    for study in studies(preset):
        short = names([study], preset)
        for run in grid(study, preset):
            served.setdefault(run.key, {})[study] = short[run.method]
    lines = [_line(row, served.get(row["key"], {})) for row in ledger.rows()]
    kinds = {name: column.kind for name, column in columns().items() if name not in BY_SET}
    by_set = dict.fromkeys(sorted({name for line in lines for name in line} - set(kinds)), "Float64")
    frame = pd.DataFrame(lines, columns=[*kinds, *by_set]).astype({**kinds, **by_set})
    order = ["studies", "backbone", "task", "examples", "name", "method", "seed", "key"]
    return frame.sort_values(order, ignore_index=True)


def check(path: Path) -> None:
    """Refuse a file that runs cannot be written to, before they are read.

    Raises:
        BadExport: its name ends in neither .csv nor .parquet.
        NotWritable: nothing can be written there.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise BadExport(f"{path.name!r} must end in .csv or .parquet, which says how the runs are written")
    check_writable(path)


def write(runs: pd.DataFrame, path: Path) -> None:
    """Write the table, as CSV or Parquet by the file's ending.

    Raises:
        BadExport, NotWritable: as `check`.
    """
    check(path)
    if path.suffix == ".csv":
        runs.to_csv(path, index=False, lineterminator="\n")
    else:
        runs.to_parquet(path, index=False)


def _line(row: dict[str, Any], served: dict[str, str]) -> dict[str, Any]:
    """The columns of a row, given the studies that it serves, each with the short name that it has there."""
    run = Run.from_dict(row["run"])
    measured = _of_task(run, row) if isinstance(run, ClassificationRun) else _of_questions(row)
    origin, seconds = row["provenance"], row["seconds"]
    return {
        **{
            name: "+".join(value) if isinstance(value, list) else value
            for name, value in {**run.later, **run.to_dict()}.items()
        },
        **{name: row[name] for name in (*FIRST, *LAST) if name in row},
        **{name: origin.get(name) for name in LAST if name in origin},
        **{name: origin["versions"].get(name) for name in ("torch", "transformers")},
        **measured,
        "studies": "+".join(served),
        "name": next(iter(served.values()), _terms(run.method)),
        "train_seconds": seconds.get("train"),
        "evaluate_seconds": seconds.get("evaluate"),
    }


def _of_task(run: ClassificationRun, row: dict[str, Any]) -> dict[str, Any]:
    metric = task(run.task).metric
    found = {name: values[run.task] for name, values in row["metrics"].items()}
    return {"metric": metric, "score": found.get(metric), "accuracy": found.get("accuracy"), "loss": found.get("loss")}


def _of_questions(row: dict[str, Any]) -> dict[str, Any]:
    accuracy, loss = (row["metrics"].get(name, {}) for name in ("accuracy", "answer_loss"))
    mean = fmean(accuracy.values()) if accuracy else None
    return {
        "metric": "accuracy",
        "score": mean,
        "accuracy": mean,
        "loss": fmean(loss.values()) if loss else None,
        **{f"accuracy_{name}": value for name, value in accuracy.items()},
        **{f"loss_{name}": value for name, value in loss.items()},
    }


def _terms(method: str) -> str:
    """The modules of a method, for a run that serves no study."""
    return "+".join(term.name for term in specification.parse(method).terms)
