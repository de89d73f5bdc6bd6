"""That rows have something to learn from, which is seen before a training rather than by its loss."""

from typing import TYPE_CHECKING

from pelt_core.data.batches import IGNORED, NothingToLearn

if TYPE_CHECKING:
    from datasets import Dataset


def check_labelled(rows: "Dataset", column: str) -> None:
    """Returns if each of `rows` has a label that a model can predict.

    Args:
        rows: encoded, see `pelt_core.data.batches`.
        column: `labels`, one for each token and -100 where there is no loss; or `label`, one for the text.

    Raises:
        NothingToLearn: there is no such column; or a row has not as many labels as tokens, or a label for none but its
            first token, which no other precedes. Names the first such row.

    """
    if column not in rows.column_names:
        has = ", ".join(rows.column_names)
        raise NothingToLearn(f"the rows have no column {column!r}, which this model learns from; they have {has}")
    if column == "label":
        return
    for i, row in enumerate(rows.select_columns(["input_ids", column])):
        ids, labels = row["input_ids"], row[column]
        if len(ids) != len(labels):
            raise NothingToLearn(
                f"row {i} has {len(ids)} tokens and {len(labels)} labels: give each token one, {IGNORED} where there "
                "is no loss"
            )
        if labels[1:].count(IGNORED) == len(labels[1:]):
            raise NothingToLearn(
                f"row {i} has no label but {IGNORED} behind its first token, so nothing is learnt from it: leave it "
                "out, or label its answer"
            )
