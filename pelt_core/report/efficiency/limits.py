"""What the figures of the page on efficiency do not say."""

from __future__ import annotations

from collections.abc import Iterator

from IPython.display import Markdown

from pelt_core.report import limits as common
from pelt_core.report.names import backbone_name
from pelt_core.report.words import counted
from pelt_core.study.costs import Costs
from pelt_core.study.scores import Scores


def limits(costs: Costs, scores: Scores) -> Markdown:
    """Of machine and backbone, of padding, merging, memory, intervals, fronts and PSCP, and of seeds."""
    return Markdown("\n".join(f"- {point}" for point in _limits(costs, scores)))


def _limits(costs: Costs, scores: Scores) -> Iterator[str]:
    if costs.methods:
        about = costs.file["machine"]
        yield (
            "**Another machine, another backbone.** The paper timed BERT-base, on other hardware; these are times of "
            f"{backbone_name(costs.cell('training')['backbone'])} on {counted(about['threads'], 'thread')} of a "
            "processor. The smaller the backbone's products, the more each small operation beside them weighs."
        )
    yield (
        "**No padding** is computed here, for any method. Where rows are padded to one length, as is usual, times are "
        "those of longer rows."
    )
    yield (
        "**Nothing is merged.** LoRA without a gate can be merged into the backbone after training and then costs "
        "nothing in inference; here, as in the paper, it is not. BitFit of the paper trains the backbone's own biases, "
        "which adds nothing and leaves nothing to merge. Here it is a vector $b$ beside them, $y + b$, so that its "
        "overhead in inference is one of this implementation."
    )
    yield (
        "**Memory** is what the process held, the libraries themselves included, which all methods share. Full "
        "fine-tuning holds, besides gradients and the two moments of AdamW, a copy of the pretrained weights, so that "
        "it can be taken off again."
    )
    yield (
        "**Intervals of times** are over turns of the same processes: they hold what disturbs a machine for a while, "
        "not what differs from one start to the next. Each interval is for itself; the page on [claims](claims) "
        "corrects for their number."
    )
    yield (
        "**Fronts** join mean scores. A score is the mean of different metrics over tasks, and a method just below the "
        "front may well belong to it."
    )
    yield (
        "**PSCP** counts operations, not time, and one exponent a cost is a choice of its authors, not a law. Its "
        "constants in proportion are ours: the ratio of parameters and of operations to the backbone's is kept, and "
        "the memory of the machine takes the place of the GPU's."
    )
    yield common.of_seeds(scores)
