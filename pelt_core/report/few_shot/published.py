"""The paper's table of few examples (UniPELT, Mao et al. 2022, table 1) by our names of methods."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pelt_core.study.claims.published import NAMES, PUBLISHED, read

OURS = {paper: ours for ours, paper in NAMES.items()}


def low_resource(examples: int, path: Path = PUBLISHED) -> pd.DataFrame:
    """Table 1 for one number of examples: value and std, by (method, task); empty where the paper has no such block.

    Besides the tasks there is `avg`, the mean over them.
    """
    rows = read(path)
    own = rows[(rows["table"] == "1-low-resource") & (rows["setting"] == f"K={examples}")]
    methods = own["method"].map(lambda name: OURS.get(name, name))
    return own.assign(method=methods, task=own["dataset"]).set_index(["method", "task"])[["value", "std"]]
