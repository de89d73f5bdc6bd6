"""What no few-example study here can say, with the numbers that set the limits."""

from __future__ import annotations

from collections.abc import Iterator

from pelt_core.catalogue import BACKBONES
from pelt_core.report import limits
from pelt_core.report.names import backbone_name, backbone_summary, task_name
from pelt_core.report.words import counted, listed
from pelt_core.study.scores import Scores
from pelt_core.study.signal import signals, told_apart

SPLITS = ("train", "test")
"""Of a task of which all rows are at hand."""
RECIPE = (
    "**One recipe.** Each method has one pair of learning rates for all tasks and all numbers of examples, chosen on "
    "development rows of a few tasks and one shuffle, see the page on [learning rates](glue-recipe). A task, or "
    "another number of examples, could prefer another pair, and near the best the choice is partly luck."
)
INTERVALS = (
    "**Intervals and tests.** An interval is of 95 % and of its line alone; p-values are corrected for all lines that "
    "are tested together. So an interval may leave out zero where the corrected p is not significant."
)


def common(scores: Scores) -> list[str]:
    """The points of every few-example page with intervals: scale, data, one rate for all tasks, seeds."""
    return [*of_runs(scores), RECIPE, limits.of_seeds(scores), INTERVALS, *_tasks(scores)]


def of_runs(scores: Scores) -> list[str]:
    """The points that hold without intervals too: scale, data, and runs that ended at once."""
    return [_scale(scores), *_seen(scores), *_parts(scores), *_stopped(scores)]


def without_signal(signal: Scores, scores: Scores) -> Iterator[str]:
    """Those tasks of a study that cannot test a claim; nothing where all can.

    Args:
        signal: of the study glue-signal.
        scores: of the study.
    """
    found = signals(signal)
    found = found[found.index.isin([run.task for run in scores.runs])]
    blind = [
        f"{task_name(str(one.Index))} ({one.mean:.1f} against {one.baseline:.1f})"
        for one in found.itertuples()
        if not one.signal
    ]
    if blind:
        yield (
            f"**Tasks without a signal.** On {listed(blind)} full fine-tuning itself does not leave the trivial "
            "baseline with its whole interval, see the page on [what the encoder can tell apart](glue-signal): what is "
            "found there is neither for nor against any method."
        )


def at_a_guess(scores: Scores) -> Iterator[str]:
    """The tasks that claims leave out with some number of examples, see `pelt_core.study.signal.told_apart`."""
    blind = {
        examples: [task_name(name) for name, apart in told_apart(scores, examples).items() if not apart]
        for examples in dict.fromkeys(run.examples for run in scores.runs)
    }
    said = listed(f"on {listed(names)} with {examples:,} examples" for examples, names in blind.items() if names)
    if said:
        yield (
            f"**At a guess.** No recorded method leaves the trivial baseline with its whole interval {said}: what "
            "is found there is neither for nor against any method, and the [claims](claims) leave it out."
        )


def _stopped(scores: Scores) -> Iterator[str]:
    """Runs that kept their first epoch, as no later one scored better before their patience ended."""
    ended = {
        run.key
        for run in scores.runs
        if run.patience and len(scores.rows.get(run.key, {"dev": ()})["dev"]) < run.epochs
    }
    own = scores.table[scores.table["key"].isin(ended) & (scores.table["best_epoch"] == 1)]
    if len(own):
        counts = own["task"].value_counts(sort=False)
        said = listed(f"{number} on {task_name(str(name))}" for name, number in counts.items())
        yield (
            f"**Stopped early.** {counted(len(own), 'run')} kept the first epoch, as none of the next scored better "
            f"before their patience ended: {said}. Such a run is hardly trained, and where many are, the task says "
            "little of the methods. A metric such as F1 or Matthews may fall before it rises."
        )


def _tasks(scores: Scores) -> Iterator[str]:
    if len({run.task for run in scores.runs}) > 1:
        yield (
            "**Means over tasks** take each task for a training of its own: its seeds draw other rows than on the "
            "others. The start of the module is the same on all tasks; an effect of the start that all of them share "
            "is not covered by the intervals."
        )


def _scale(scores: Scores) -> str:
    backbones = listed(dict.fromkeys(backbone_summary(run.backbone) for run in scores.runs))
    return (
        f"**Scale.** The backbone is {backbones}; UniPELT's is BERT-base. A verdict here "
        "is about the claim at this size; what was measured at the published size stands."
    )


def _seen(scores: Scores) -> Iterator[str]:
    """The tasks whose texts the backbone was made with."""
    for backbone in dict.fromkeys(run.backbone for run in scores.runs):
        seen = BACKBONES[backbone].trained_on if backbone in BACKBONES else {}
        own = [(task_name(name), seen[name]) for name in dict.fromkeys(run.task for run in scores.runs) if name in seen]
        if own:
            yield (
                f"**Seen before.** {backbone_name(backbone)} was trained on pairs of texts that, as its model card "
                f"says, come from {listed(f'{source} ({name})' for name, source in own)} among others. On these tasks "
                "it has met the texts, and pairs that belong together, before: scores there say less of learning from "
                "few examples than on the others."
            )


def _parts(scores: Scores) -> Iterator[str]:
    partial = [task_name(run.task) for run in scores.runs if (run.train_from, run.test_from) != SPLITS]
    most = max(run.test_rows for run in scores.runs)
    of = f"; of {listed(dict.fromkeys(partial))} only a part of the rows was at hand" if partial else ""
    yield f"**Test rows** are those of the public development split, at most {most:,} of a task{of}."
