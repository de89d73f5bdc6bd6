"""Where an interrupted training goes on, and that it is the same training."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import PreTrainedModel

from pelt_core.errors import PeltError
from pelt_core.parts_trainer import COMPLETE

NOTE = "training.json"


class AnotherTraining(PeltError, ValueError):
    """A folder holds the checkpoints of a training with other settings, rows or trained tensors."""


def checkpoint_of(workdir: Path, model: PreTrainedModel, rows: Dataset, settings: dict[str, Any]) -> str | None:
    """The newest checkpoint in `workdir` that was not cut short by a kill; `None` for a training that begins.

    What a training is, is noted in the folder when it begins: its settings, and digests of its rows and of names and
    shapes of what it trains.

    Args:
        workdir: of the training; made if it is not there.
        model: ready to be trained.
        rows: that it is trained on.
        settings: all else that decides its result.

    Raises:
        AnotherTraining: the folder's checkpoints are of a training that is not this one; names what differs.
    """
    trained = [(name, tuple(p.shape)) for name, p in model.named_parameters() if p.requires_grad]
    this = json.loads(json.dumps({**settings, "rows": _digest(rows), "trained tensors": _digest(trained)}))
    note = workdir / NOTE
    found = [mark.parent for mark in workdir.glob(f"checkpoint-*/{COMPLETE}")]
    if not found:
        workdir.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(this), encoding="utf-8")
        return None
    noted = json.loads(note.read_text(encoding="utf-8")) if note.exists() else {}
    if differing := [name for name in this if noted.get(name) != this[name]]:
        raise AnotherTraining(
            f"{workdir} holds the checkpoints of another training: it differs in {', '.join(differing)}. Give each "
            "training a folder of its own, or delete this one to begin anew"
        )
    return str(max(found, key=lambda folder: int(folder.name.split("-")[1])))


def _digest(things: Any) -> str:
    digest = hashlib.sha256()
    for thing in things:
        digest.update(repr(thing).encode())
    return digest.hexdigest()
