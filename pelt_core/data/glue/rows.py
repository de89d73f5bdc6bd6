"""GLUE as published, in each of its forms -> text, second text, label."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from pelt_core.data.fields import BadRow
from pelt_core.data.glue.tasks import TASKS, Task, check_label


@dataclass(frozen=True)
class Example:
    """One row: `text_pair` is "" in tasks of one sentence, `label` a class's number or, of STS-B, a score."""

    key: int
    text: str
    text_pair: str
    label: int | float
    flaw: str = ""


def example(task: Task, raw: dict[str, Any], position: int) -> Example:
    """The row in the first of the task's forms whose fields it has; its key is its place in the file.

    A text without a letter is a flaw: QQP has two training rows without a second question.
    """
    forms = [fields for fields in task.fields if all(name in raw for name in fields if name)]
    if not forms:
        known = " or ".join(str([name for name in fields if name]) for fields in task.fields)
        raise BadRow(f"must have the fields {known}, and has {list(raw)}")
    names, label = [name for name in forms[0][:2] if name], forms[0][2]
    for name in names:
        if not isinstance(raw[name], str):
            raise BadRow(f"field {name!r} is {raw[name]!r}, not a text")
    try:
        number = check_label(task, raw[label])
    except ValueError as reason:
        raise BadRow(f"field {label!r} {reason}") from None
    texts = [raw[name].strip() for name in names]
    empty = [name for name, text in zip(names, texts, strict=True) if not text]
    return Example(position, texts[0], "".join(texts[1:]), number, f"field {empty[0]!r} is empty" if empty else "")


READERS: dict[str, Callable[[dict[str, Any], int], Example]] = {
    task.dataset: partial(example, task) for task in TASKS.values() if task.fields
}
