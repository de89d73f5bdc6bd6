"""The papers' own numbers, looked up by the names that a claim's test gives methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from pelt_core.errors import PeltError

PUBLISHED = Path("data/published/paper_results.csv")
"""In a clone of the project."""
NAMES = {
    "full": "fine-tuning",
    "ap": "unipelt(ap)",
    "ap-nogate": "unipelt(ap)-nogate",
    "apl": "unipelt(apl)",
    "prefix-50": "prefix(L=50)",
}
"""Our names of methods -> the paper's, where they differ."""


class NoPublishedResults(PeltError, FileNotFoundError):
    """The papers' numbers are not where they should be."""


class NotPublished(PeltError, LookupError):
    """The published results have no such number."""


def read(path: Path = PUBLISHED) -> pd.DataFrame:
    """The whole file: paper, table, backbone, method, setting, dataset, metric, value and std, see its README.

    Raises:
        NoPublishedResults: there is no such file.
    """
    if not path.exists():
        raise NoPublishedResults(
            f"the published results are not at {path}: claims are judged in a clone of the project, which holds them "
            "and the recorded runs; call this from its top folder"
        )
    return pd.read_csv(path).fillna({"setting": "", "dataset": ""})


@dataclass(frozen=True)
class Published:
    """The numbers that one claim refers to.

    Attributes:
        frame: as `read` gives it.
        of: the columns that select the claim's numbers, e.g. ``{"table": "1-low-resource", "setting": "K=100"}``.
    """

    frame: pd.DataFrame = field(repr=False)
    of: Mapping[str, str]

    def tasks(self, wanted: Sequence[str] = ()) -> list[str]:
        """The wanted data sets; if there are none, every one but the average."""
        own = self._select(self.of)["dataset"]
        return list(wanted) or [name for name in dict.fromkeys(own) if not name.startswith("avg")]

    def numbers(self, method: str, tasks: Sequence[str] = (), column: str = "value") -> pd.Series:
        """What is printed for a method, by data set.

        Args:
            method: our name; ``lora on LLaMA-13B`` says the backbone too, and ``lora at r=8`` the setting.
            tasks: on these data sets, as `tasks` takes them.
            column: ``value``, or ``std`` for the deviation.

        Raises:
            NotPublished: a number is missing, or there are several.
        """
        method, _, setting = method.partition(" at ")
        method, _, backbone = method.partition(" on ")
        given = {"method": NAMES.get(method, method), "setting": setting, "backbone": backbone}
        found = self._select({**self.of, **{name: value for name, value in given.items() if value}})
        wanted = self.tasks(tasks)
        own = found[found["dataset"].isin(wanted)].set_index("dataset")[column]
        if sorted(own.index) != sorted(wanted):
            raise NotPublished(
                f"{self.of} prints {len(own)} numbers of {method} on {', '.join(wanted)}; refer to one each"
            )
        return own[wanted]

    def fact(self, method: str, metric: str) -> float:
        """The one number that is printed for a method and metric, e.g. ``trainable_parameters``.

        Raises:
            NotPublished: there is none, or several.
        """
        found = self._select({**self.of, "method": NAMES.get(method, method), "metric": metric})
        if len(found) != 1:
            raise NotPublished(f"{self.of} prints {len(found)} numbers {metric!r} of {method}; refer to one")
        return float(found["value"].iloc[0])

    def elsewhere(self, table: str) -> Published:
        """The numbers of another table of the same file."""
        return Published(self.frame, {"table": table})

    def _select(self, of: Mapping[str, str]) -> pd.DataFrame:
        wanted = np.logical_and.reduce([self.frame[column] == value for column, value in of.items()])
        return self.frame[wanted]
