"""`pelt methods`, `pelt params`: what can be attached, and how many parameters it trains."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pelt_core.cli.console import errors, print_json, show
from pelt_core.cli.options import AsJson
from pelt_core.errors import PeltError

app = typer.Typer()
BackboneName = Annotated[
    str | None,
    typer.Option("--backbone", "-b", help="Count the parameters of each on this backbone, by its default arguments."),
]


@app.command()
def methods(backbone: BackboneName = None, as_json: AsJson = False) -> None:
    """The tuning methods, gates and recipes: equation, paper, where each sits, whether it can be merged.

    A specification is `name(argument=value,...)@position,position:layers`, e.g. `lora(rank=32,alpha=64)@q,k,v:0-5`;
    join several with `+`, and put a gate in front with `*`, as in `token*[lora+prefix]`. A method that needs no
    backprop through the backbone trains in far less memory.

    With a backbone the table has sizes in the place of equations; `--json` has all of it, arguments with their defaults
    and every position where a method may sit.

    Example: `pelt methods --backbone llama-7b`
    """
    from pelt_core.counting import count_named
    from pelt_core.methods import GATES, METHODS, RECIPES

    rows: list[dict[str, Any]] = [
        {
            "kind": "method",
            "name": name,
            "equation": entry.equation,
            "sits_at": list(entry.positions),
            "mergeable": entry.mergeable,
            "backprop": entry.backprop,
            "paper": entry.paper,
            "summary": entry.summary,
            "arguments": _arguments(entry),
            "allowed_positions": list(entry.allowed),
        }
        for name, entry in METHODS.items()
    ]
    gates = [
        {"kind": "gate", "name": name, "equation": gate.equation, "paper": gate.paper, "summary": gate.summary}
        | {"arguments": _arguments(gate), "causal": gate.module.causal}
        for name, gate in GATES.items()
    ]
    recipes: list[dict[str, Any]] = [
        {"kind": "recipe", "name": name, "specification": spec} for name, spec in RECIPES.items()
    ]
    if backbone:
        count_named(backbone, "none")  # whatever is wrong from here on is the method's
        for row in (*rows, *recipes):
            row |= _size(backbone, row["name"])
    if as_json:
        print_json([*rows, *gates, *recipes])
        return
    hidden = [
        "kind",
        "summary",
        "arguments",
        "allowed_positions",
        "not_here",
        *(["equation", "paper"] if backbone else []),
    ]
    show([_without(row, *hidden) for row in rows], False)
    show([_without(row, "kind", "summary", "arguments") for row in gates], False, "Gates")
    show([_without(row, "kind", "not_here") for row in recipes], False, "Recipes")


@app.command()
def params(
    backbone: Annotated[
        str, typer.Option("--backbone", "-b", help="A name of `pelt backbones`, a folder, or owner/name.")
    ],
    method: Annotated[str, typer.Option("--method", "-m", help="A specification, as `pelt methods` explains it.")],
    as_json: AsJson = False,
) -> None:
    """How many parameters a method trains on a backbone, place by place: exact, and without any weights.

    The percentages are of the backbone as it was; the last line gives that of the model with everything added to it,
    which is what papers print. The backbones of the papers need no network.

    Example: `pelt params --backbone llama-7b --method "lora(rank=32,alpha=64)@q,k,v,up,down"`

    Example: `pelt params --backbone bert-base --method "sequence*[lora+prefix]" --json`
    """
    from pelt_core.counting import count_named

    counted = count_named(backbone, method)
    share = 100 / counted.backbone
    rows: list[dict[str, Any]] = [
        {
            "method": part.method,
            "position": part.position,
            "sites": part.sites,
            "parameters": part.parameters,
            "percent_of_backbone": share * part.parameters,
        }
        for part in counted.parts
    ]
    if as_json:
        print_json(
            {
                "backbone": backbone,
                "backbone_parameters": counted.backbone,
                "method": counted.method,
                "parts": rows,
                "parameters": counted.own,
                "percent_of_backbone": share * counted.own,
                "percent_of_all": counted.percent,
                "task_head": counted.head,
            }
        )
        return
    total = {"method": "all", "position": None, "sites": None, "parameters": counted.own}
    show(
        [*rows, total | {"percent_of_backbone": share * counted.own}],
        False,
        f"{counted.method} on {backbone}, {counted.backbone:,} parameters",
    )
    head = f"; beside them {counted.head:,} of the new task head" if counted.head else ""
    errors.print(f"{counted.percent:.3g} % of all parameters, the added ones included, are the method's{head}")


def _arguments(entry: Any) -> list[str]:
    return [f"{argument}={default}" for argument, default in entry.defaults.items()]


def _size(backbone: str, method: str) -> dict[str, Any]:
    """The parameters of a method, or why it cannot be on this backbone."""
    from pelt_core.counting import count_named

    try:
        return {"parameters": count_named(backbone, method).own}
    except PeltError as refusal:
        return {"parameters": None, "not_here": str(refusal)}


def _without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}
