"""Trained parameters, counted when the book is built, beside the percentages that the papers print."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pelt_methods import SIZED_ON

import pelt_core
from pelt_core.counting import count_named

PUBLISHED = Path(pelt_core.__file__).parents[1] / "data" / "published" / "paper_results.csv"
BACKBONES = SIZED_ON | {"llama-13b": "LLaMA-13B", "bloomz-7b": "BLOOMz-7B", "gptj-6b": "GPT-J-6B"}


@dataclass(frozen=True)
class Line:
    """One count.

    Attributes:
        title: the method, as the paper names it.
        method: what it is in the library.
        published: the method's name in the file of published results.
        note: what explains a difference; of the other readings of a method, what they are.
    """

    title: str
    method: str
    published: str
    note: str = ""

    def __str__(self) -> str:
        said = f"{self.title}: {self.note}" if self.note else self.title
        return f"{said}<br>`{self.method}`"


LLM_ADAPTERS = (
    Line("Prefix", "prefix(tokens=10)", "prefix", "10 tokens, as in the released command"),
    Line(
        "Prefix",
        "prefix(tokens=30)",
        "prefix",
        "30 tokens: printed for 7B, cut off instead of rounded, but not for 13B",
    ),
    Line("Series adapter", "llm_adapters_series", "series"),
    Line("Parallel adapter", "llm_adapters_parallel", "parallel", "two a layer, one beside each linear map of the MLP"),
    Line("Parallel adapter", "parallel(bottleneck=256,bias=false)@mlp", "parallel", "one a layer, as in He and others"),
    Line("LoRA", "lora(rank=32,alpha=64)@q,k,v,up,down", "lora"),
)
UNIPELT = (
    Line("Fine-tuning", "full", "fine-tuning"),
    Line("BitFit", "bitfit", "bitfit"),
    Line("Prefix", "prefix(tokens=10)", "prefix", "as it is used"),
    Line("Prefix", "mlp_prefix(tokens=10)", "prefix", "as it is trained: with the MLP that writes it"),
    Line("LoRA", "lora(rank=8)@q,v", "lora"),
    Line("Adapter", "pfeiffer(bottleneck=48)@mlp_norm", "adapter"),
    Line("UniPELT (AP)", "unipelt_ap", "unipelt(ap)"),
    Line("UniPELT (APL)", "unipelt_paper", "unipelt(apl)", "three gates a layer, as in the paper's equations"),
    Line("UniPELT (APL)", "unipelt_released", "unipelt(apl)", "four gates a layer, two for LoRA, as in the code"),
)
UNPRINTED = ("bloomz-7b", "gptj-6b")


def printed(paper: str, backbone: str, method: str) -> float:
    """The percentage of trained parameters that the paper prints."""
    table = pd.read_csv(PUBLISHED)
    own = table[(table["paper"] == paper) & (table["metric"] == "trainable_percent")]
    (value,) = own[(own["backbone"] == backbone) & (own["method"] == method)]["value"]
    return float(value)


def agrees(percent: float, published: float) -> bool:
    """Whether a percentage, rounded as the papers do, is the printed one."""
    return round(percent, 2) == published


def llm_adapters() -> str:
    """The table of LLM-Adapters."""
    caption = "LLM-Adapters: exact counts beside the printed percentages"
    return _table("llm-adapters", ("llama-7b", "llama-13b"), LLM_ADAPTERS, caption)


def unipelt() -> str:
    """The table of UniPELT."""
    return _table("unipelt", ("bert-base",), UNIPELT, "UniPELT: exact counts beside the printed percentages")


def others() -> str:
    """The backbones of LLM-Adapters for which no percentage is printed."""
    heads = " | ".join(f"{BACKBONES[backbone]} | %" for backbone in UNPRINTED)
    lines = [f"| Method | {heads} |", "|:--|" + "--:|--:|" * len(UNPRINTED)]
    for line in LLM_ADAPTERS:
        counts = [count_named(backbone, line.method) for backbone in UNPRINTED]
        lines.append(
            f"| {line.title}<br>`{line.method}` | " + " | ".join(f"{c.own:,} | {c.percent:.3f}" for c in counts) + " |"
        )
    return _captioned(lines, "others", "The same on the backbones for which no percentage is printed")


def _table(paper: str, backbones: tuple[str, ...], lines: tuple[Line, ...], caption: str) -> str:
    heads = " | ".join(f"{BACKBONES[backbone]} | % | Printed" for backbone in backbones)
    rows = [f"| Method | {heads} |", "|:--|" + "--:|--:|--:|" * len(backbones)]
    for line in lines:
        cells = [str(line)]
        for backbone in backbones:
            counted, published = count_named(backbone, line.method), printed(paper, BACKBONES[backbone], line.published)
            mark = "=" if agrees(counted.percent, published) else "≠"
            cells += [f"{counted.own:,}", f"{counted.percent:.3f}", f"{mark} {published:g}"]
        rows.append("| " + " | ".join(cells) + " |")
    return _captioned(rows, paper, caption)


def _captioned(rows: list[str], name: str, caption: str) -> str:
    return f"```{{table}} {caption}\n:name: tab-parameters-{name}\n\n" + "\n".join(rows) + "\n```"
