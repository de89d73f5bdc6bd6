"""Keep of a method only what it computes once it is trained."""

from __future__ import annotations

from typing import Any

import torch
from transformers import PreTrainedModel

from pelt_core.attachment import Attachment, attached
from pelt_core.drawing import drawn_from
from pelt_core.errors import PeltError
from pelt_core.methods import METHODS
from pelt_core.specification import Group, Method, Term, parse


class FoldError(PeltError, ValueError):
    """A method of which all that is trained is needed at inference too."""


@torch.no_grad()
def fold(model: PreTrainedModel, name: str | None = None) -> Attachment:
    """Replaces what is needed in training only by the plain method that it comes to, with the same `delta(x, y)`.

    The prefix that an MLP writes becomes a prefix, a mixture of adapters their mean. In eval mode the model gives the
    same logits as before, but after diff pruning, which keeps its largest entries alone. `str(attachment.method)` and
    checkpoints become those of the plain method. Its tensors are new ones, so an optimiser made before knows nothing
    of them.

    Args:
        model: carries the method.
        name: of the method, if the model carries several.

    Raises:
        AttachError: if the model carries nothing, nothing of this name, or several and no name is given.
        FoldError: if nothing of the method can be folded.
        MethodError: if the plain method is already there, beside the one to fold.

    """
    attachment = attached(model, name)
    if not any(_plain_name(term.entry.module) for term in attachment.method.terms):
        names = {method: _plain_name(row.module) for method, row in METHODS.items()}
        able = ", ".join(f"{method} to {plain}" for method, plain in names.items() if plain)
        raise FoldError(f"{str(attachment.method)!r} has nothing to fold, it is all needed at inference: fold {able}")
    attachment.method = folded(attachment.method)
    grafts: list[tuple[str, Any]] = list(attachment.grafts.items())
    attachment.grafts.clear()
    for key, graft in grafts:
        delta = graft.delta
        if plain := _plain_name(delta):
            key = f"{graft.site}_{plain}"
            with drawn_from(0):  # the plain module draws start values that it does not keep
                plain_delta = delta.fold()
            graft.delta = plain_delta.to(next(delta.parameters()).device).train(delta.training)
            graft.delta.requires_grad_(attachment.active)
        attachment.grafts[key] = graft
    return attachment


def folded(method: Method) -> Method:
    """The plain method that `fold` leaves of `method`; the same one where nothing of it folds."""
    groups = [Group(tuple(map(_plain, group.terms)), group.gate) for group in method.groups]
    return parse(str(Method(tuple(groups))))


def _plain_name(module: Any) -> str | None:
    """The method that a module, or a class of modules, folds to; `None` for one that does not fold."""
    return getattr(module, "folds_to", None)


def _plain(term: Term) -> Term:
    """The same term of the plain method, with those of its arguments that this one has."""
    name = _plain_name(term.entry.module)
    if name is None:
        return term
    given = dict(term.arguments)
    arguments = tuple((argument, given.get(argument, default)) for argument, default in METHODS[name].defaults.items())
    return Term(name, arguments, term.positions, term.layers)
