"""Table 4 of UniPELT (Mao et al. 2022), and its parameters counted again on shapes alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pelt_core.counting import count_named

PUBLISHED = Path("data/published/paper_results.csv")
BACKBONE = "bert-base"
COLUMNS = ("trainable_parameters", "trainable_percent", "training_time", "inference_time")
NAMES = {
    "full": "fine-tuning",
    "bitfit": "bitfit",
    "prefix": "prefix",
    "lora": "lora",
    "adapter": "adapter",
    "ap": "unipelt(ap)",
    "apl": "unipelt(apl)",
}
"""Short name -> the method's name in the file of published results."""
READINGS = (
    ("bitfit", "bitfit", ""),
    ("prefix", "prefix(tokens=10)", "as it is used"),
    ("prefix", "mlp_prefix(tokens=10)", "as it is trained"),
    ("lora", "lora(rank=8,alpha=16)@q,v", ""),
    ("adapter", "pfeiffer(bottleneck=48)@mlp_norm", ""),
    ("ap", "unipelt_ap", ""),
    ("apl", "unipelt_paper", "three gates a layer, as in the paper"),
    ("apl", "unipelt_released", "four gates a layer, as in the released code"),
)
"""Short name, specification and, where a method of table 4 can be read in several ways, which way it is."""


def table_4(path: Path = PUBLISHED) -> pd.DataFrame:
    """The table as printed: a line a method by its short name, with `COLUMNS`; the times of fine-tuning are 100."""
    rows = pd.read_csv(path)
    own = rows[(rows["paper"] == "unipelt") & (rows["table"] == "4-efficiency")]
    wide = own.pivot(index="method", columns="metric", values="value")
    return wide.loc[list(NAMES.values()), list(COLUMNS)].set_axis(list(NAMES))


def counted(path: Path = PUBLISHED) -> pd.DataFrame:
    """The parameters of table 4, counted on BERT-base without weights, one line a reading of a method.

    Returns:
        Columns `method` (short name), `specification`, `reading`, `own` (parameters without the head's), `percent` (of
        all, the method's among them), `published` and `published_percent`, and `agrees`: whether the percentage,
        rounded as the paper does, is the printed one.
    """
    printed = table_4(path)
    lines = []
    for method, specification, reading in READINGS:
        count = count_named(BACKBONE, specification)
        published = printed.loc[method]
        lines.append(
            {
                "method": method,
                "specification": specification,
                "reading": reading,
                "own": count.own,
                "percent": count.percent,
                "published": int(published["trainable_parameters"]),
                "published_percent": float(published["trainable_percent"]),
                "agrees": round(count.percent, 2) == published["trainable_percent"],
            }
        )
    return pd.DataFrame(lines)
