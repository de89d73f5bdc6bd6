"""How every page looks: one colour and one mark for each method; ink that reads on light and on dark."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import seaborn as sns

Mark = str | tuple[int, int, int]

LIGHT, DARK = "#ffffff", "#14181d"
"""Grounds of the book's two modes; every colour below has a contrast of about 4.2 against both."""
INK = "#7a7a7a"
HUES = {
    "series": "#0e83bf",
    "parallel": "#bd6415",
    "lora": "#1f8d54",
    "prefix": "#9e61c7",
    "full": "#917a12",
    "head": "#d44c60",
    "none": "#757c84",
    "adapter": "#0e83bf",
    "bitfit": "#008b8b",
    "ap": "#6969f9",
    "ap-nogate": "#6969f9",
    "apl": "#d53ea0",
    "apl-nogate": "#d53ea0",
    "lora-24": "#1f8d54",
    "gated-lora-scale-2": "#1f8d54",
    "prefix-direct": "#9e61c7",
    "mlp-prefix": "#9e61c7",
    "series-lora": "#6969f9",
    "nogate": "#d53ea0",
    "nogate-direct": "#d53ea0",
    "token": "#d53ea0",
    "token-direct": "#d53ea0",
    "prompt-held": "#d53ea0",
    "scalar": "#d53ea0",
    "sequence": "#d44c60",
}
"""Colours of the methods that are compared with each other; with and without gates a combination has the same, and LoRA
at every rank."""
MARKS: dict[str, Mark] = {
    "series": "o",
    "parallel": "s",
    "lora": "^",
    "prefix": "D",
    "full": "P",
    "head": "X",
    "none": "d",
    "adapter": "o",
    "bitfit": "v",
    "ap": "p",
    "ap-nogate": "p",
    "apl": "*",
    "apl-nogate": "*",
    "compacter": "<",
    "adamix": ">",
    "krona": "h",
    "said": "1",
    "diff": "2",
    "ladder": "3",
    "side": "4",
    "ia3": "+",
    "prompt": "x",
    "multi-head-parallel": (4, 1, 0),
    "scaled-parallel": (3, 1, 0),
    "mam": (6, 1, 0),
    "dora": (4, 1, 45),
    "houlsby": (8, 1, 0),
    "lora-24": (3, 0, 90),
    "gated-lora-scale-2": (3, 0, 180),
    "prefix-direct": (4, 0, 45),
    "mlp-prefix": "d",
    "series-lora": "P",
    "nogate": "s",
    "nogate-direct": "D",
    "token": "s",
    "token-direct": "P",
    "prompt-held": "o",
    "scalar": "^",
    "sequence": "v",
}
"""Matplotlib's markers; a tuple is a star or an asterisk of so many points."""
HOLLOW = {"ap-nogate", "apl-nogate", "nogate", "nogate-direct"}
"""Methods whose mark is drawn without its filling: the combinations without gates."""
COLOURS = HUES | {method: HUES["none"] for method in MARKS if method not in HUES}
"""The colour of every method: those without a hue of their own are grey and told apart by their marks."""

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


def mark(method: str) -> dict[str, Any]:
    """How the mark of a method is drawn: arguments of `matplotlib.axes.Axes.plot`."""
    colour = COLOURS[method]
    face = "none" if method in HOLLOW else colour
    return {"marker": MARKS[method], "color": colour, "markerfacecolor": face, "linestyle": "none"}
