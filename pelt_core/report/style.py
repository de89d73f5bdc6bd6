"""How every page looks: one colour, one mark and one name for each method; ink that reads on light and on dark."""

from __future__ import annotations

import matplotlib as mpl
import seaborn as sns

from pelt_core.catalogue import BACKBONES

LIGHT, DARK = "#ffffff", "#14181d"
"""Grounds of the book's two modes; every colour below has a contrast of about 4.2 against both."""
INK = "#7a7a7a"
COLOURS = {
    "series": "#0e83bf",
    "parallel": "#bd6415",
    "lora": "#1f8d54",
    "prefix": "#9e61c7",
    "full": "#917a12",
    "head": "#d44c60",
    "none": "#757c84",
}
MARKS = {"series": "o", "parallel": "s", "lora": "^", "prefix": "D", "full": "P", "head": "X", "none": "d"}
METHOD_NAMES = {
    "series": "Series adapter",
    "parallel": "Parallel adapter",
    "lora": "LoRA",
    "prefix": "Prefix",
    "full": "Full fine-tuning",
    "head": "Head only",
    "none": "Base model",
}
SET_NAMES = {
    "gsm8k": "GSM8K",
    "svamp": "SVAMP",
    "multiarith": "MultiArith",
    "addsub": "AddSub",
    "singleeq": "SingleEq",
    "aqua": "AQuA",
    "mawps": "MAWPS",
    "mawps-clean": "MAWPS, cleaned",
    "arithmetic": "arithmetic, embedded",
}
BACKBONE_NAMES = {"smollm2-135m": "SmolLM2-135M-Instruct", "minilm-l6": "MiniLM-L6", "yahma/llama-7b-hf": "LLaMA-7B"}

WIDTH = 4.2
"""Inches: narrow enough for the text to stay legible where a phone shrinks the figure to its own width."""


def use_style() -> None:
    """Draw figures as transparent SVG whose bytes depend on the data only."""
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    sns.set_theme(context="paper", style="ticks", palette=list(COLOURS.values()))
    mpl.rcParams.update(
        {
            "figure.facecolor": "none",
            "axes.facecolor": "none",
            "savefig.facecolor": "none",
            "svg.hashsalt": "pelt",
            "svg.fonttype": "path",
            "font.size": 10,
            "axes.labelsize": 10,
            "xtick.labelsize": 9.5,
            "ytick.labelsize": 10,
            "axes.titlesize": 9.5,
            "text.color": INK,
            "axes.labelcolor": INK,
            "axes.edgecolor": INK,
            "axes.titlecolor": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.spines.left": False,
            "ytick.left": False,
            "axes.linewidth": 0.8,
        }
    )
    set_matplotlib_formats("svg", metadata={"Date": None, "Creator": None})


def set_name(name: str) -> str:
    """A data set as papers spell it."""
    return SET_NAMES.get(name, name)


def backbone_name(name: str) -> str:
    """A backbone as papers spell it."""
    return BACKBONE_NAMES.get(name, name)


def backbone_summary(name: str) -> str:
    """What a backbone is and where its weights come from, as the catalogue says."""
    return BACKBONES[name].summary if name in BACKBONES else name
