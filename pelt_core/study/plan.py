"""What runs would cost, before anybody pays: parameters, tokens, arithmetic, memory, hours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pelt_core.data.catalogue import pin
from pelt_core.data.glue.tasks import task
from pelt_core.data.rows import DEV, parse_mix
from pelt_core.study.footprint import memory
from pelt_core.study.ledger import Ledger
from pelt_core.study.run import AnswerRun, ClassificationRun, Run
from pelt_core.study.sizes import size, trainable


@dataclass(frozen=True)
class Work:
    """The tokens of a run, at most: every example as long as it may be.

    Attributes:
        trained: tokens that training reads, over all epochs.
        evaluated: tokens of the questions, the generated answers and the worked answers.
    """

    trained: int
    evaluated: int

    @classmethod
    def of(cls, run: Run) -> Work:
        """The work of a run, from the pins of its data; nothing is read or downloaded."""
        return cls._of_texts(run) if isinstance(run, ClassificationRun) else cls._of_answers(cast(AnswerRun, run))

    @classmethod
    def _of_texts(cls, run: ClassificationRun) -> Work:
        name = task(run.task).dataset
        examples = run.examples or pin(name, run.train_from).rows - run.dev_rows
        tested = min(run.test_rows, pin(name, run.test_from).rows)
        evaluated = run.dev_rows * run.epochs + tested
        return cls(trained=examples * run.epochs * run.max_length, evaluated=evaluated * run.max_length)

    @classmethod
    def _of_answers(cls, run: AnswerRun) -> Work:
        examples = sum(parse_mix(run.train).values()) if run.train else 0
        asked, solved = (
            sum(min(run.questions, pin(name.removesuffix(DEV), "test").rows) for name in names)
            for names in (run.evaluate, run.loss_sets)
        )
        evaluated = asked * (run.max_length + run.max_new_tokens) + solved * run.max_length
        return cls(trained=examples * run.epochs * run.max_length, evaluated=evaluated)


@dataclass(frozen=True)
class Speed:
    """Floating-point operations a second, by the same count of tokens as `Work`: what it counts too high cancels out.

    Attributes:
        training: while training.
        evaluation: while answering, which memory slows down.
        source: where the figures come from.
    """

    training: float
    evaluation: float
    source: str

    @classmethod
    def recorded(cls, rows: Iterable[dict[str, Any]], backbone: str) -> Speed | None:
        """The speed of the recorded runs of this backbone, or of all if it has none."""
        finished = [row for row in rows if row["status"] == "finished" and Run.from_dict(row["run"]).trains]
        own = [row for row in finished if row["run"]["backbone"] == backbone] or finished
        if not own:
            return None
        flops = [_flops(Work.of(Run.from_dict(row["run"])), row["backbone_parameters"]) for row in own]
        training = sum(training for training, _ in flops) / sum(row["seconds"]["train"] for row in own)
        evaluation = sum(evaluation for _, evaluation in flops) / sum(row["seconds"]["evaluate"] for row in own)
        machine = own[0]["provenance"].get("device", "an unknown machine")
        return cls(training, evaluation, f"the speed of {len(own)} recorded runs on {machine}")


def plan(runs: Sequence[Run], ledger: Ledger, speed: Speed | None = None) -> list[dict[str, Any]]:
    """One row a run: what it trains and what it costs. Parameters are counted exactly, on a model without weights.

    Args:
        runs: what to plan.
        ledger: says which runs are done, and how fast they were.
        speed: what to reckon hours with, instead of the ledger's.

    Returns:
        Rows with key, backbone, method, seed, recorded, trainable_parameters, percent (of all parameters, with the
        trained ones), train_tokens and evaluate_tokens (at most), petaflops, gigabytes (weights, gradients,
        optimiser and activations of training) and hours (None if nothing says how fast the machine is).
    """
    recorded = list(ledger.rows())
    done = {row["key"] for row in recorded}
    speeds = {run.backbone: speed or Speed.recorded(recorded, run.backbone) for run in runs}
    return [_planned(run, run.key in done, speeds[run.backbone]) for run in runs]


def _planned(run: Run, recorded: bool, speed: Speed | None) -> dict[str, Any]:
    counted = size(run)
    work = Work.of(run)
    training, evaluation = _flops(work, counted.backbone)
    hours = (training / speed.training + evaluation / speed.evaluation) / 3600 if speed else None
    return {
        "key": run.key,
        "backbone": run.backbone,
        "method": run.method,
        "seed": run.seed,
        "recorded": recorded,
        "trainable_parameters": trainable(run),
        "percent": counted.percent,
        "train_tokens": work.trained,
        "evaluate_tokens": work.evaluated,
        "petaflops": (training + evaluation) / 1e15,
        "gigabytes": memory(run) / 1e9,
        "hours": hours,
    }


def _flops(work: Work, parameters: int) -> tuple[float, float]:
    """Training and evaluation: 4 operations a token and frozen parameter forth and back, 2 forth only."""
    return 4.0 * parameters * work.trained, 2.0 * parameters * work.evaluated
