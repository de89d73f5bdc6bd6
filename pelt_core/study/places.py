"""The places of the placement study, as LLM-Adapters (Hu et al. 2023, section 3.1) compares them."""

from __future__ import annotations

from pelt_core import specification

SUBLAYERS = {"attention": "attn", "MLP": "mlp", "both": "attn,mlp"}
LINEARS = {"attention": "q,k,v", "MLP": "up,down", "both": "q,k,v,up,down"}
PLACEMENTS = {"series": SUBLAYERS, "parallel": SUBLAYERS, "lora": LINEARS}
"""Where each kind of module is put: adapters at whole sublayers, LoRA at their linear maps."""


def place(spec: str) -> tuple[str, str]:
    """Method and place of a specification, as the placement study names them: `("lora", "both")`."""
    (term,) = specification.parse(spec).terms
    positions = ",".join(term.positions)
    names = {where: name for name, where in PLACEMENTS.get(term.name, {}).items()}
    return term.name, names.get(positions, positions)
