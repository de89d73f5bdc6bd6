"""The places of the placement study, as LLM-Adapters (Hu et al. 2023, section 3.1) compares them."""

from __future__ import annotations

from collections.abc import Iterable

from pelt_core import specification
from pelt_core.errors import PeltError

SUBLAYERS = {"attention": "attn", "MLP": "mlp", "both": "attn,mlp"}
LINEARS = {"attention": "q,k,v", "MLP": "up,down", "both": "q,k,v,up,down"}
PLACEMENTS = {"series": SUBLAYERS, "parallel": SUBLAYERS, "lora": LINEARS}
"""Where each kind of module is put: adapters at whole sublayers, LoRA at their linear maps."""


class NoOnePlace(PeltError, ValueError):
    """The methods of a placement study are not one module at each place."""


def place(spec: str) -> tuple[str, str]:
    """Method and place of a specification, as the placement study names them: `("lora", "both")`.

    Raises:
        NoOnePlace: it combines several modules.
    """
    terms = specification.parse(spec).terms
    if len(terms) > 1:
        raise NoOnePlace(f"{spec} combines {len(terms)} modules, and places are compared one module at a time")
    (term,) = terms
    positions = ",".join(term.positions)
    names = {where: name for name, where in PLACEMENTS.get(term.name, {}).items()}
    return term.name, names.get(positions, positions)


def placed(specs: Iterable[str]) -> dict[tuple[str, str], str]:
    """Method and place -> specification.

    Raises:
        NoOnePlace: one combines several modules, or two are of one method at one place.
    """
    found: dict[tuple[str, str], str] = {}
    for spec in specs:
        where = place(spec)
        if where in found:
            raise NoOnePlace(
                f"{found[where]} and {spec} are both {where[0]} at {where[1]}: leave one of each method at each place"
            )
        found[where] = spec
    return found
