"""Parameter-efficient tuning of Hugging Face models: one equation, many modules, a reproducible study."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pelt_core.attachment import Attachment, activate, attach, attached, detach
    from pelt_core.checkpoint import load, save
    from pelt_core.errors import PeltError
    from pelt_core.folding import fold
    from pelt_core.merging import Merged, MergeError, RoundingWarning, merge, unmerge
    from pelt_core.methods import METHODS
    from pelt_core.modules.prompt import fit_decoder
    from pelt_core.objective import penalty, total_loss
    from pelt_core.peft_format.folders import load_peft, save_peft
    from pelt_core.prompt_end import prompt_ends
    from pelt_core.recording import forced_gates, recorded_gates
    from pelt_core.specification import Method, parse
    from pelt_core.starting import start_from, use_decoder

__version__ = "0.1.0"
__all__ = [
    "GATES",
    "METHODS",
    "RECIPES",
    "Attachment",
    "MergeError",
    "Merged",
    "Method",
    "PeltError",
    "RoundingWarning",
    "activate",
    "attach",
    "attached",
    "detach",
    "fit_decoder",
    "fold",
    "forced_gates",
    "load",
    "load_peft",
    "merge",
    "parse",
    "penalty",
    "prompt_ends",
    "recorded_gates",
    "save",
    "save_peft",
    "start_from",
    "total_loss",
    "unmerge",
    "use_decoder",
]

_HOME = {
    **dict.fromkeys(("Attachment", "activate", "attach", "attached", "detach"), "attachment"),
    **dict.fromkeys(("load", "save"), "checkpoint"),
    **dict.fromkeys(("prompt_ends",), "prompt_end"),
    **dict.fromkeys(("PeltError",), "errors"),
    **dict.fromkeys(("fold",), "folding"),
    **dict.fromkeys(("MergeError", "Merged", "RoundingWarning", "merge", "unmerge"), "merging"),
    **dict.fromkeys(("GATES", "METHODS", "RECIPES"), "methods"),
    **dict.fromkeys(("fit_decoder",), "modules.prompt"),
    **dict.fromkeys(("penalty", "total_loss"), "objective"),
    **dict.fromkeys(("load_peft", "save_peft"), "peft_format.folders"),
    **dict.fromkeys(("forced_gates", "recorded_gates"), "recording"),
    **dict.fromkeys(("Method", "parse"), "specification"),
    **dict.fromkeys(("start_from", "use_decoder"), "starting"),
}


def __getattr__(name: str) -> Any:
    """Imports what is asked for when it is asked for, so that `import pelt_core` does not import torch."""
    if name not in _HOME:
        raise AttributeError(f"module 'pelt_core' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"pelt_core.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    """What `help(pelt_core)` shows, though nothing of it is imported yet."""
    return [*globals(), *__all__]
